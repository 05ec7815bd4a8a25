package model

import (
	"context"
	"strings"
	"testing"
)

// hashes loads one model with its header's rest and query.
func hashes(t *testing.T, header, query, variables string) (code, meta string) {
	t.Helper()
	p, err := Load(context.Background(), project(t, "-- config.yaml --\nvariables: {"+variables+"}\n-- audits/own.sql --\nAUDIT (name own);\nSELECT * FROM @this_model WHERE id < 0\n"+
		"-- models/staging/a.sql --\nMODEL (name staging.a, kind FULL"+header+");\n"+query+"\n"), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := p.Models["staging.a"]
	return m.CodeHash, m.MetaHash
}

func TestHashes(t *testing.T) {
	const query = "SELECT 1 AS id, 'x' AS word FROM read_csv(@landing_dir || '/*.csv', columns = {'a': 'int'}, auto_detect = false) WHERE a > @floor"
	const vars = "landing_dir: data, floor: 1"
	code, meta := hashes(t, "", query, vars)
	tests := []struct {
		name, header, query, vars string
		codeChanges, metaChanges  bool
	}{
		{"nothing", "", query, vars, false, false},
		{"blanks, comments and case", "", "-- new\n" + strings.ToLower(strings.ReplaceAll(query, " ", "\n /* x */ ")), vars, false, false},
		{"the place of the data", "", query, "landing_dir: /elsewhere, floor: 1", false, false},
		{"another variable", "", query, "landing_dir: data, floor: 2", true, false},
		{"the same value by another way", "", strings.Replace(query, "@floor", "1", 1), vars, false, false},
		{"the path below the data", "", strings.Replace(query, "/*.csv", "/x/*.csv", 1), vars, true, false},
		{"the case of a string", "", strings.Replace(query, "'x'", "'X'", 1), vars, true, false},
		{"a literal", "", strings.Replace(query, "1 AS", "2 AS", 1), vars, true, false},
		{"joined tokens", "", strings.Replace(query, "1 AS id", "1 AS i, 0 AS d", 1), vars, true, false},
		{"a contract", ", columns (id INTEGER, word TEXT)", query, vars, true, false},
		{"a description", ", description 'x'", query, vars, false, true},
		{"an owner", ", owner x", query, vars, false, true},
		{"an audit", ", audits (not_null(columns := (id)))", query, vars, false, true},
		{"tags", ", tags (x)", query, vars, false, true},
		{"a schedule", ", cron '@hourly'", query, vars, false, true},
		{"a grain", ", grain id", query, vars, false, true},
		{"no effect", ", partitioned_by (id)", query, vars, false, false},
	}
	for _, tt := range tests {
		c, m := hashes(t, tt.header, tt.query, tt.vars)
		if (c != code) != tt.codeChanges || (m != meta) != tt.metaChanges {
			t.Errorf("%s: code changes %v, metadata %v; want %v, %v", tt.name, c != code, m != meta, tt.codeChanges, tt.metaChanges)
		}
	}
	_, blocking := hashes(t, ", audits (own)", query, vars)
	_, warning := hashes(t, ", audits (own(blocking := false))", query, vars)
	_, more := hashes(t, ", audits (own(condition := id > 1))", query, vars)
	if blocking == warning || blocking == more || warning == more {
		t.Error("audits that differ in an argument or in blocking have one hash")
	}
}

// A changed audit is noticed, in the metadata of the models that ask for it.
func TestHashOfAnAudit(t *testing.T) {
	load := func(audit string) *Model {
		return mustLoad(t, "-- audits/own.sql --\n"+audit+"\n-- models/staging/a.sql --\nMODEL (name staging.a, audits own);\nSELECT 1 AS id\n").Models["staging.a"]
	}
	a := load("AUDIT (name own);\nSELECT * FROM @this_model WHERE id < 0")
	b := load("AUDIT (name own);\nSELECT * FROM @this_model -- the same\nWHERE id < 0")
	c := load("AUDIT (name own);\nSELECT * FROM @this_model WHERE id < 1")
	if a.MetaHash != b.MetaHash || a.MetaHash == c.MetaHash || a.CodeHash != c.CodeHash {
		t.Errorf("meta %s %s %s, code %s %s", a.MetaHash, b.MetaHash, c.MetaHash, a.CodeHash, c.CodeHash)
	}
}

func TestHashOfASeed(t *testing.T) {
	load := func(csv, columns, settings string) string {
		return mustLoad(t, "-- seeds/s.csv --\n"+csv+"-- models/staging/a.sql --\nMODEL (name staging.a, kind SEED (path '$root/seeds/s.csv'"+settings+"), columns ("+columns+"));\n").Models["staging.a"].CodeHash
	}
	base := load("a,b\n1,x\n", "a INT, b TEXT", "")
	if load("a,b\n1,x\n", "a INT,  b text", "") != base {
		t.Error("the same seed has two hashes") // in two directories, too
	}
	for name, other := range map[string]string{
		"content":  load("a,b\n2,x\n", "a INT, b TEXT", ""),
		"types":    load("a,b\n1,x\n", "a BIGINT, b TEXT", ""),
		"settings": load("a,b\n1,x\n", "a INT, b TEXT", ", csv_settings (keep_default_na = false)"),
	} {
		if other == base {
			t.Errorf("another seed by its %s has the same hash", name)
		}
	}
}
