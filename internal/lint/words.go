package lint

import "strings"

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// What DuckDB 1.5 and Trino 4xx read alike, by their documentation.
var (
	functions = set(`count sum min max bool_and bool_or row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value
		nth_value abs ceil ceiling floor round sign sqrt cbrt exp ln log10 power pow mod degrees radians sin cos tan asin acos atan
		atan2 lower upper length trim ltrim rtrim lpad rpad replace reverse substr strpos starts_with split_part date_diff date_trunc
		year quarter month day hour minute`)
	// aggregates whose result depends on the order of rows, since they add doubles
	unordered = set(`avg corr covar_pop covar_samp stddev stddev_pop stddev_samp var_pop var_samp variance
		regr_intercept regr_slope`)
	keywords = set(`all and any as asc between by case cast coalesce cross current date desc distinct else end escape except exists
		extract false filter first following from full group grouping groups having in inner intersect interval is join last left
		like limit not null nullif nulls on or order outer over partition position preceding range right row rows select sets some
		substring then time timestamp trim true try_cast unbounded union using values when where window with
		year month day hour minute second`)
	operators = set("( ) ] } : , . ; + - * / % = <> != < > <= >= ||") // [ and { are reported, once
	types     = set("varchar double real integer int bigint smallint tinyint boolean date timestamp decimal with time zone precision")
	fields    = set("year quarter month week day doy hour minute second")

	// certain to be DOUBLE
	doubles = set("sqrt cbrt exp ln log10 power pow percent_rank cume_dist")
	// end an operand
	separates = set(`and or not in is like between as from when then else end over filter on where group order having limit union
		except intersect by desc asc nulls select distinct case join using`)

	unorderedHint = "sums of DECIMAL are exact: CAST(SUM(x) AS DOUBLE) / COUNT(x); serving.coffee_prices has a deviation"

	// what to write instead
	otherwise = map[string]string{
		"greatest": "CASE WHEN a > b THEN a ELSE b END: a NULL is ignored in DuckDB, and makes the result NULL in Trino",
		"least":    "CASE WHEN a < b THEN a ELSE b END: a NULL is ignored in DuckDB, and makes the result NULL in Trino",
		"concat":   "a || b: a NULL is ignored in DuckDB, and makes the result NULL in Trino",
		"ifnull":   "COALESCE(a, b)",
		"nvl":      "COALESCE(a, b)",
		"if":       "CASE WHEN a THEN b ELSE c END",
		"md5":      "make keys in staging: Trino's takes bytes and returns bytes",
		"median":   "the middle row by ROW_NUMBER: Trino has approximate percentiles only",
		"log":      "LN or LOG10: the base is 10 in DuckDB and the first argument in Trino",
		"len":      "LENGTH(x)",
	}
	forms = map[string]string{
		"::": "CAST(x AS T)", "==": "=", "//": "FLOOR(a / b) of a DOUBLE", "**": "POWER(a, b)", "^": "POWER(a, b)",
		"[": "take lists apart in staging", "{": "take structures apart in staging", "->": "take lists apart in staging",
		"qualify": "number the rows in a WITH and filter outside", "ilike": "LOWER(x) LIKE 'a%'",
		"isnull": "IS NULL", "notnull": "IS NOT NULL", "exclude": "name the columns", "replace": "name the columns",
		"ignore":  "count the rows that are not NULL and join: IGNORE NULLS stands inside the brackets in DuckDB and behind them in Trino",
		"respect": "leave it out: it is the default", "at": "convert times in staging: Trino reads a time without a zone in the session's",
		"offset": "number the rows: Trino wants OFFSET before LIMIT", "text": "VARCHAR", "string": "VARCHAR", "float": "REAL or DOUBLE", "hugeint": "DECIMAL(38, 0)",
	}
)
