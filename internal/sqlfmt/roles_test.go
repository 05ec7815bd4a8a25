package sqlfmt

import (
	"strings"
	"testing"

	"beanflows.coffee/materia/internal/model"
)

// A word is marked: k# keyword, t# type, nothing for a name.
func TestRoles(t *testing.T) {
	for in, want := range map[string]string{
		"select rows, range as filter from over":                             "k#select rows , range k#as filter k#from over",
		"sum(x) over (rows between 5 preceding and unbounded following)":     "sum ( x ) k#over ( k#rows k#between 5 k#preceding k#and k#unbounded k#following )",
		"sum(x) over (order by d range between current row and 1 following)": "sum ( x ) k#over ( k#order k#by d k#range k#between k#current k#row k#and 1 k#following )",
		"order by a nulls last, nulls nulls first":                           "k#order k#by a k#nulls k#last , nulls k#nulls k#first",
		"t.select, t.order, x as select":                                     "t . select , t . order , x k#as select",
		"left(a, 1) left join b":                                             "left ( a , 1 ) k#left k#join b",
		"cast(date as date), x::date, date '2020-01-01', date":               "k#cast ( date k#as t#date ) , x :: t#date , k#date '2020-01-01' , date",
		"cast(x as struct(date date, y decimal(3, 1)))":                      "k#cast ( x k#as t#struct ( date t#date , y t#decimal ( 3 , 1 ) ) )",
		"interval '1' year, interval (n) day, year, interval":                "k#interval '1' k#year , k#interval ( n ) k#day , year , interval",
		"not_null(columns := (column), column := x)":                         "not_null ( columns := ( k#column ) , column := x )",
		"with x as materialized (select 1), recursive as (select 2)":         "k#with x k#as k#materialized ( k#select 1 ) , recursive k#as ( k#select 2 )",
		"a between 1 and 2 and between > 3":                                  "a k#between 1 k#and 2 k#and between > 3",
		"* exclude (a), exclude":                                             "* k#exclude ( a ) , exclude",
		"x at time zone 'UTC', time, zone, at":                               "x k#at k#time k#zone 'UTC' , time , zone , at",
		"array_agg(x ignore nulls), ignore":                                  "array_agg ( x k#ignore k#nulls ) , ignore",
	} {
		var tokens []model.Token
		for _, tok := range model.Lex(in) {
			if tok.Significant() {
				tokens = append(tokens, tok)
			}
		}
		var got []string
		for i, r := range Roles(tokens) {
			got = append(got, map[Role]string{Keyword: "k#", TypeName: "t#"}[r]+tokens[i].Text)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s\n got %s\nwant %s", in, s, want)
		}
	}
}
