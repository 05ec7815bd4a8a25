package model

import (
	"maps"
	"strings"
)

// scalarFunctions return one value a row, the same for the same arguments. An
// aggregate, a window or a volatile function is none, and what is not listed
// counts as one of those: the cost of a missing name is time, never a row.
var scalarFunctions = strings.Fields(`
	+ - * / // % ** ^ || & | << >> ~ ! @ ~~ !~~ ~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape
	abs add alias array_concat array_contains array_extract array_length array_position array_slice array_transform
	ascii bar base64 bin bit_count cast cbrt ceil ceiling chr coalesce concat concat_ws contains date_add date_diff date_part
	date_sub date_trunc datediff datepart datetrunc day dayname dayofmonth dayofweek dayofyear decade divide ends_with epoch
	epoch_ms epoch_ns epoch_us era even exp fdiv filter flatten floor fmod format format_bytes from_base64 from_hex gcd
	get_bit greatest hash hex hour if ifnull instr isfinite isinf isnan isodow isoyear
	json_array json_array_length json_contains json_extract json_extract_path json_extract_path_text json_extract_string
	json_keys json_object json_structure json_transform json_type json_valid
	last_day lcase lcm least left len length levenshtein list_append list_apply list_concat list_contains list_distinct
	list_element list_extract list_filter list_has list_has_all list_has_any list_indexof list_pack list_position list_prepend list_reverse
	list_reverse_sort list_slice list_sort list_sum list_transform list_value list_zip ln log log10 log2 lower lpad ltrim
	make_date make_time make_timestamp map map_entries map_extract map_extract_value map_from_entries map_keys map_values md5
	millisecond microsecond minute mod month monthname multiply nfc_normalize not_like nullif ord parse_dirname parse_dirpath
	parse_filename parse_path pi position pow power prefix quarter radians range regexp_extract regexp_extract_all
	regexp_full_match regexp_matches regexp_replace regexp_split_to_array repeat replace reverse right round row rpad rtrim
	second sha1 sha256 sign split split_part sqrt starts_with str_split string_split string_split_regex string_to_array
	strftime strip_accents strlen strpos strptime struct_extract struct_insert struct_pack substr substring subtract suffix
	time_bucket timetz_byte_comparable timezone to_base64 to_days to_hex to_hours to_json to_milliseconds to_minutes to_months
	to_seconds to_timestamp to_weeks to_years translate trim trunc try_cast try_strptime ucase unhex unicode upper url_decode
	url_encode week weekday weekofyear year yearweek`)

var nullary = strings.Fields(`current_date current_time current_timestamp localtime localtimestamp current_user current_role
	session_user user current_catalog current_schema`)

// rowWise proves that a query makes its rows from one file at a time, so that
// the rows of many files are the rows of each put together: a projection and a
// filter over a reader, through CTEs, subqueries, UNION ALL, unnest and joins on
// the file's own name, without anything that looks at rows of two files at once.
func rowWise(tree *node) bool {
	statements := tree.get("statements").items
	if len(statements) != 1 {
		return false
	}
	_, ok := rowWiseQuery(statements[0].get("node"), nil)
	return ok
}

// fileColumns are the columns of a source that hold the reader's filename as
// it is, in lower case.
type fileColumns []string

// rowWiseCTEs are the row-wise CTEs in scope.
type rowWiseCTEs map[string]fileColumns

func rowWiseQuery(n *node, sources rowWiseCTEs) (fileColumns, bool) {
	if len(n.get("modifiers").items) > 0 { // DISTINCT, ORDER BY, LIMIT
		return nil, false
	}
	inner := rowWiseCTEs{}
	maps.Copy(inner, sources)
	defs := n.get("cte_map").get("map").items
	for i := range defs {
		value := defs[i].get("value")
		columns, ok := rowWiseQuery(value.get("query").get("node"), inner)
		if !ok {
			return nil, false
		}
		if len(value.get("aliases").items) > 0 {
			columns = nil // under other names
		}
		inner[strings.ToLower(defs[i].get("key").text)] = columns
	}
	switch n.get("type").text {
	case "SET_OPERATION_NODE":
		_, left := rowWiseQuery(n.get("left"), inner)
		_, right := rowWiseQuery(n.get("right"), inner)
		return nil, left && right && n.get("setop_type").text == "UNION" && n.get("setop_all").text == "true"
	case "SELECT_NODE":
		if len(n.get("group_expressions").items) > 0 || len(n.get("group_sets").items) > 0 ||
			n.get("aggregate_handling").text != "STANDARD_HANDLING" ||
			!absent(n.get("having")) || !absent(n.get("sample")) || !absent(n.get("qualify")) ||
			!rowWiseExpressions(n.get("select_list")) || !rowWiseExpressions(n.get("where_clause")) {
			return nil, false
		}
		tables, ok := rowWiseSource(n.get("from_table"), inner)
		return tables.selected(n.get("select_list").items), ok
	}
	return nil, false
}

// fileTables are the tables of a FROM, by alias, with their file columns.
type fileTables map[string]fileColumns

// holds says whether an expression is a file column, of any of the tables.
func (t fileTables) holds(n *node) bool {
	names := n.get("column_names").items
	if n.get("type").text != "COLUMN_REF" || len(names) == 0 || len(names) > 2 {
		return false
	}
	column := strings.ToLower(names[len(names)-1].text)
	if len(names) == 2 {
		return contains(t[strings.ToLower(names[0].text)], column)
	}
	for _, columns := range t { // without a table it can be meant only if there is one
		return len(t) == 1 && contains(columns, column)
	}
	return false
}

// selected are the file columns of a SELECT's result, under their new names.
func (t fileTables) selected(list []node) (columns fileColumns) {
	for i := range list {
		if !t.holds(&list[i]) {
			continue
		}
		names := list[i].get("column_names").items
		columns = append(columns, strings.ToLower(orElse(list[i].get("alias").text, names[len(names)-1].text)))
	}
	return columns
}

func absent(n *node) bool { return n.kind == 0 && (n.text == "null" || n.text == "") }

// rowWiseSource accepts one reader, or what was made of one, alone, beside lists
// of its own that are unnested, or joined to another by the file's name.
func rowWiseSource(n *node, sources rowWiseCTEs) (fileTables, bool) {
	if !absent(n.get("sample")) {
		return nil, false
	}
	alias := strings.ToLower(n.get("alias").text)
	switch n.get("type").text {
	case "TABLE_FUNCTION":
		fn := n.get("function")
		name := strings.ToLower(fn.get("function_name").text)
		_, reader := landingReaders[name]
		var columns fileColumns
		if len(n.get("column_name_alias").items) == 0 && namedTrue(fn, "filename") {
			columns = fileColumns{"filename"}
		}
		return fileTables{orElse(alias, name): columns}, reader && !strings.Contains(name, "parquet") &&
			n.get("with_ordinality").text == "WITHOUT_ORDINALITY" && (!strings.Contains(name, "json") || fixedFormat(fn))
	case "BASE_TABLE":
		name := strings.ToLower(n.get("table_name").text)
		columns, known := sources[name]
		if len(n.get("column_name_alias").items) > 0 {
			columns = nil
		}
		return fileTables{orElse(alias, name): columns}, known && n.get("schema_name").text == ""
	case "SUBQUERY":
		columns, ok := rowWiseQuery(n.get("subquery").get("node"), sources)
		if len(n.get("column_name_alias").items) > 0 {
			columns = nil
		}
		return fileTables{alias: columns}, ok
	case "JOIN":
		return rowWiseJoin(n, sources)
	}
	return nil, false
}

func rowWiseJoin(n *node, sources rowWiseCTEs) (fileTables, bool) {
	kind := n.get("join_type").text
	if kind != "INNER" && kind != "LEFT" || !contains([]string{"CROSS", "REGULAR"}, n.get("ref_type").text) ||
		len(n.get("using_columns").items) > 0 || !rowWiseExpressions(n.get("condition")) {
		return nil, false
	}
	left, ok := rowWiseSource(n.get("left"), sources)
	if !ok {
		return nil, false
	}
	if unnests(n.get("right")) {
		left[strings.ToLower(orElse(n.get("right").get("alias").text, "unnest"))] = nil
		return left, true
	}
	right, ok := rowWiseSource(n.get("right"), sources)
	if !ok {
		return nil, false
	}
	for _, c := range conjuncts(n.get("condition"), nil) {
		x, y := c.get("left"), c.get("right")
		if c.get("type").text == "COMPARE_EQUAL" && len(x.get("column_names").items) == 2 && len(y.get("column_names").items) == 2 &&
			(left.holds(x) && right.holds(y) || left.holds(y) && right.holds(x)) {
			for name, columns := range right {
				if _, twice := left[name]; twice {
					return nil, false
				}
				left[name] = columns
			}
			return left, true
		}
	}
	return nil, false
}

// namedTrue says whether a function is called with name = true.
func namedTrue(fn *node, name string) bool {
	for _, arg := range fn.get("children").items {
		names := arg.get("left").get("column_names").items
		if arg.get("type").text == "COMPARE_EQUAL" && len(names) == 1 && strings.EqualFold(names[0].text, name) {
			right := arg.get("right")
			return right.get("value").get("value").text == "true" || right.get("child").get("value").get("value").text == "t"
		}
	}
	return false
}

// fixedFormat says whether a JSON reader is told its format: detection looks
// at the first files and would let them decide about the others.
func fixedFormat(fn *node) bool {
	for _, arg := range fn.get("children").items {
		if arg.get("type").text != "COMPARE_EQUAL" {
			continue
		}
		names := arg.get("left").get("column_names").items
		if len(names) == 1 && strings.EqualFold(names[0].text, "format") {
			v := arg.get("right").get("value").get("value").text
			return v != "" && !strings.EqualFold(v, "auto")
		}
	}
	return false
}

func unnests(n *node) bool {
	fn := n.get("function")
	return n.get("type").text == "TABLE_FUNCTION" && strings.EqualFold(fn.get("function_name").text, "unnest") &&
		n.get("with_ordinality").text == "WITHOUT_ORDINALITY" && rowWiseExpressions(fn.get("children"))
}

func rowWiseExpressions(n *node) bool {
	for i := range n.items {
		if !rowWiseExpressions(&n.items[i]) {
			return false
		}
	}
	if n.kind != '{' {
		return true
	}
	switch n.get("class").text {
	case "SUBQUERY", "WINDOW", "PARAMETER", "DEFAULT":
		return false
	case "COLUMN_REF": // SQL's functions without parentheses come as columns
		if names := n.get("column_names").items; len(names) == 1 && contains(nullary, strings.ToLower(names[0].text)) {
			return false
		}
	case "FUNCTION":
		name := strings.ToLower(n.get("function_name").text)
		if !contains(scalarFunctions, name) && name != "unnest" || !absent(n.get("filter")) || n.get("distinct").text == "true" {
			return false
		}
	}
	for i := range n.fields {
		if !rowWiseExpressions(&n.fields[i].value) {
			return false
		}
	}
	return true
}
