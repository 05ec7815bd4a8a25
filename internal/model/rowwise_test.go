package model

import "testing"

func TestRowWiseReaders(t *testing.T) {
	const csv = "read_csv(@landing_dir || '/a/*.csv', columns = {'a': 'INT', 'b': 'INT[]'}, auto_detect = false, filename = true)"
	const json = "read_json(@landing_dir || '/a/*.json', columns = {'a': 'INT', 'b': 'INT[]'}, format = 'newline_delimited')"
	for query, want := range map[string]bool{
		"SELECT a + 1 AS a, CASE WHEN a > 1 THEN 'x' END AS c FROM " + csv + " WHERE a IN (1, 2)":                                                            true,
		"WITH d AS (SELECT filename AS f, a FROM " + csv + "), h AS (SELECT f AS g, a FROM d WHERE a = 1) SELECT d.a FROM d JOIN h ON h.g = d.f AND h.a > 0": true,
		"WITH d AS (SELECT r.filename, r.a FROM " + csv + " AS r) SELECT x.a, y.a AS b FROM d AS x LEFT JOIN d AS y ON x.filename = y.filename":              true,
		"SELECT a, unnest(b) AS c FROM " + json: true,
		"WITH d AS (SELECT regexp_extract(filename, 'x') AS path, b FROM " + csv + "), e AS (SELECT path, unnest(b) AS c FROM d) SELECT * FROM e": true,
		"SELECT r.a, u.v FROM " + csv + " AS r, unnest(r.b) AS u(v)":                                                                              true,
		"SELECT x.a FROM (SELECT a FROM " + csv + ") AS x":                                                                                        true,
		"SELECT a FROM " + csv + " UNION ALL SELECT a FROM " + json:                                                                               true,

		"SELECT a FROM " + csv + " UNION SELECT a FROM " + json:                                                                            false,
		"WITH d AS (SELECT lower(filename) AS filename, a FROM " + csv + ") SELECT x.a FROM d AS x JOIN d AS y ON x.filename = y.filename": false,
		"WITH d AS (SELECT filename, a FROM " + csv + ") SELECT x.a FROM d AS x JOIN d AS y ON x.filename = y.filename OR x.a = y.a":       false,
		"WITH d AS (SELECT filename, a FROM " + csv + ") SELECT x.a FROM d AS x JOIN d AS y ON x.filename = x.filename AND x.a = y.a":      false,
		"WITH d AS (SELECT filename, a FROM " + csv + ") SELECT x.a FROM d AS x RIGHT JOIN d AS y ON x.filename = y.filename":              false,
		"WITH d(a, filename) AS (SELECT filename, a FROM " + csv + ") SELECT x.a FROM d AS x JOIN d AS y ON x.filename = y.filename":       false,
		"WITH d AS (SELECT filename, a FROM " + csv + ") SELECT x.a FROM d AS x JOIN d AS y ON x.filename <= y.filename":                   false,
		"SELECT DISTINCT a FROM " + csv:                                                                             false,
		"SELECT a FROM " + csv + " ORDER BY a LIMIT 1":                                                              false,
		"SELECT sum(a) AS a FROM " + csv:                                                                            false,
		"SELECT a, count(*) AS n FROM " + csv + " GROUP BY a":                                                       false,
		"SELECT a FROM " + csv + " GROUP BY ALL":                                                                    false,
		"SELECT a, row_number() OVER () AS n FROM " + csv:                                                           false,
		"SELECT a FROM " + csv + " QUALIFY row_number() OVER (PARTITION BY a) = 1":                                  false,
		"SELECT a FROM " + csv + " USING SAMPLE 10%":                                                                false,
		"SELECT a FROM " + csv + " WHERE a > (SELECT 1)":                                                            false,
		"SELECT a, random() AS r FROM " + csv:                                                                       false,
		"SELECT a, current_date AS d FROM " + csv:                                                                   false,
		"WITH d AS (SELECT a FROM " + csv + ") SELECT x.a FROM d AS x JOIN d AS y ON x.a = y.a":                     false,
		"SELECT 1 AS a UNION ALL SELECT a FROM " + csv:                                                              false,
		"SELECT a FROM read_json(@landing_dir || '/a/*.json', columns = {'a': 'INT'})":                              false,
		"SELECT t.a FROM " + csv + " AS t, range(3) AS r(i)":                                                        false,
		"WITH d AS (SELECT 1 AS a) SELECT r.a FROM " + csv + " AS r LEFT JOIN d ON d.a = r.a":                       false,
		"SELECT first(a ORDER BY a) AS a FROM " + csv:                                                               false,
		"SELECT a FROM (SELECT a FROM " + csv + " LIMIT 3) AS x":                                                    false,
		"WITH RECURSIVE d AS (SELECT a FROM " + csv + " UNION ALL SELECT a + 1 FROM d WHERE a < 3) SELECT a FROM d": false,
	} {
		p := mustLoad(t, "-- models/r.sql --\nMODEL (name staging.r, kind FULL);\n"+query+"\n")
		if got := p.Models["staging.r"].RowWise; got != want {
			t.Errorf("row-wise is %v: %s", got, query)
		}
	}
	p := mustLoad(t, "-- models/r.sql --\nMODEL (name staging.r, kind VIEW);\nSELECT a FROM "+csv+"\n")
	if p.Models["staging.r"].RowWise {
		t.Error("a view holds no rows to add to")
	}
}
