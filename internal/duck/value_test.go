package duck

import (
	"encoding/json"
	"testing"
)

// What DuckDB's types look like in JSON and as text, by a query each.
func TestValuesAsJSONAndText(t *testing.T) {
	db, err := Open("", Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, c := range []struct{ sql, asJSON, text string }{
		{"NULL", "null", ""},
		{"TRUE", "true", "true"},
		{"42::TINYINT", "42", "42"},
		{"(-9223372036854775808)::BIGINT", "-9223372036854775808", "-9223372036854775808"},
		{"18446744073709551615::UBIGINT", "18446744073709551615", "18446744073709551615"},
		{"170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727", "170141183460469231731687303715884105727"},
		{"306.75::DECIMAL(10,4)", "306.7500", "306.7500"},
		{"-0.05::DECIMAL(4,2)", "-0.05", "-0.05"},
		{"7::DECIMAL(9,0)", "7", "7"},
		{"12345678901234567890123456789.012345678::DECIMAL(38,9)", "12345678901234567890123456789.012345678", "12345678901234567890123456789.012345678"},
		{"0.1::DOUBLE", "0.1", "0.1"},
		{"1e-9::DOUBLE", "1e-09", "0.000000001"},
		{"0.25::FLOAT", "0.25", "0.25"},
		{"'NaN'::DOUBLE", `"NaN"`, "NaN"},
		{"'-Infinity'::DOUBLE", `"-Inf"`, "-Inf"},
		{`'a"b<&>' || chr(10)`, `"a\"b<&>\n"`, "a\"b<&>\n"},
		{"DATE '2025-12-09'", `"2025-12-09"`, "2025-12-09"},
		{"TIMESTAMP '2025-12-09 12:30:00'", `"2025-12-09T12:30:00"`, "2025-12-09T12:30:00"},
		{"TIMESTAMP '2025-12-09 12:30:00.25'", `"2025-12-09T12:30:00.25"`, "2025-12-09T12:30:00.25"},
		{"TIMESTAMPTZ '2025-12-09 12:30:00+02'", `"2025-12-09T10:30:00Z"`, "2025-12-09T10:30:00Z"},
		{"TIME '08:05:00'", `"08:05:00"`, "08:05:00"},
		{"'6f1c8a34-1111-4222-8333-0123456789ab'::UUID", `"6f1c8a34-1111-4222-8333-0123456789ab"`, "6f1c8a34-1111-4222-8333-0123456789ab"},
		{"'\\x00\\xFF'::BLOB", `"00ff"`, "00ff"},
		{"INTERVAL '1 month 2 days'", `"1 months 2 days 0 microseconds"`, "1 months 2 days 0 microseconds"},
		{"[1, NULL, 3]", "[1,null,3]", "[1,null,3]"},
		{"[DATE '2025-12-09']", `["2025-12-09"]`, `["2025-12-09"]`},
		{"{'bags': 1.5, 'port': 'Antwerp'}", `{"bags":1.5,"port":"Antwerp"}`, `{"bags":1.5,"port":"Antwerp"}`},
	} {
		rows, err := db.Query("SELECT " + c.sql)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		types, err := rows.ColumnTypes()
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if !rows.Next() || rows.Scan(&v) != nil {
			t.Fatalf("%s: no row: %v", c.sql, rows.Err())
		}
		rows.Close()
		name := types[0].DatabaseTypeName()
		if got := string(AppendJSON(nil, v, name)); got != c.asJSON || !json.Valid([]byte(got)) {
			t.Errorf("%s (%s, %T) as JSON: %s, want %s", c.sql, name, v, got, c.asJSON)
		}
		if got := Text(v, name); got != c.text {
			t.Errorf("%s (%s, %T) as text: %q, want %q", c.sql, name, v, got, c.text)
		}
	}
}
