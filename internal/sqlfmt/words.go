package sqlfmt

import "strings"

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// The grammar's words by what may stand in their place. The lists follow
// duckdb_keywords(): reserved words are never a name unless a dot or AS comes
// before them.
var (
	reserved = set(`all any as asc asymmetric both case check collate column create default desc describe distinct else end
		except false fetch for foreign from group having in initially intersect into is join lambda lateral leading limit not null
		offset on only or and order pivot pivot_longer pivot_wider primary qualify select show some summarize
		symmetric table then trailing true union unpivot using variadic when where window with`)
	// reserved, except in front of a parenthesis, where some are functions
	joining = set(`anti asof cross full inner join left natural outer positional right semi glob ilike isnull like notnull
		similar tablesample`)
	// written like functions, but with a syntax of their own
	callable = set("cast coalesce exists extract grouping nullif overlay position row substring treat trim try_cast values")
	// keywords after a complete operand, whatever follows; names everywhere else
	infix     = set("between escape preceding following")
	typeNames = set(`array bigint bit blob bool boolean char character date dec decimal double enum float float4 float8 hugeint
		int int1 int2 int4 int8 integer interval json list long map numeric precision real short signed smallint string struct text
		time timestamp timestamp_ms timestamp_ns timestamp_s timestamptz timetz tinyint ubigint uhugeint uinteger union
		usmallint utinyint uuid varchar with without zone`)
	units = set(`year years month months day days hour hours minute minutes second seconds week weeks quarter quarters
		decade decades century centuries millennium millennia millisecond milliseconds microsecond microseconds`)
	// complete an operand instead of asking for one
	operands = set(`null true false end asc desc all row default preceding following isnull notnull`)
)
