package model

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfig(t *testing.T) {
	root := project(t, `
-- config.yaml --
gateways:
  local:
    connection:
      type: duckdb
default_gateway: local
default_target_environment: dev_{{ user() }}
model_defaults:
  dialect: duckdb
  start: '2006-06-13'
  cron: '0 6 * * 1-5'
linter: {enabled: true, rules: [ambiguousorinvalidcolumn]}
variables:
  landing_dir: "{{ env_var('LANDING_DIR', 'data/landing') }}"
  other_dir: "{{ env_var('OTHER_DIR', 'x') }}"
  Whole: 0711100
  thousand: 1_000
  part: 1.50
  yes: true
  text: "it's"
  quoted: '12'
  nothing:
-- models/staging/a.sql --
MODEL (name staging.a);
SELECT @landing_dir AS a, @VAR('OTHER_DIR') AS b, @whole AS c, @thousand AS c2, @part AS d, @yes AS e, @text AS f, @quoted AS g, @nothing AS h,
  @VAR('none', concat('x', 'y')) AS i
`)
	env := map[string]string{"LANDING_DIR": "/data/landing"}
	p, err := Load(context.Background(), root, LoadOptions{User: "ana", Getenv: func(s string) string { return env[s] }})
	if err != nil {
		t.Fatal(err)
	}
	want := "SELECT '/data/landing' AS a, 'x' AS b, 711100 AS c, 1000 AS c2, 1.50 AS d, TRUE AS e, 'it''s' AS f, '12' AS g, NULL AS h,\n  concat('x', 'y') AS i"
	if diff := cmp.Diff(want, p.Models["staging.a"].Query); diff != "" {
		t.Error(diff)
	}
	c := p.Config
	if c.DefaultEnvironment != "dev_ana" || c.Start != "2006-06-13" || c.Cron != "0 6 * * 1-5" || p.Models["staging.a"].Cron != c.Cron {
		t.Errorf("%+v", c)
	}
	if p.Models["staging.a"].Kind != View {
		t.Errorf("kind %s; SQLMesh's default is VIEW", p.Models["staging.a"].Kind)
	}
	env["LANDING_DIR"] = "/x\"\nvariables: {}"
	if _, err := Load(context.Background(), root, LoadOptions{Getenv: func(s string) string { return env[s] }}); err == nil || !strings.Contains(err.Error(), "would change the meaning") {
		t.Errorf("a value that ends the string: %v", err)
	}
}

func TestHeader(t *testing.T) {
	p := mustLoad(t, `
-- models/foundation/fct.sql --
/* what it is */
MODEL (
  name "foundation".fct, -- the name
  kind FULL,
  cron '@hourly', start '2006-06-13', owner ana,
  description 'It''s; a (fact',
  grains ((k, d), other),
  columns (k TEXT COMMENT 'the key', d DATE, "Mixed Case" DECIMAL(18, 4), nested STRUCT(a INT, b TEXT[])),
  column_descriptions (k = 'key', d = 'day'),
  tags (a, 'b c'), depends_on (), references (x), storage_format parquet,
  physical_properties (a = 1, b = (c = 'd')),
);
-- before the query
SELECT 'x' AS k, DATE '2020-01-01' AS d, 1::DECIMAL(18,4) AS "Mixed Case", NULL::STRUCT(a INT, b TEXT[]) AS nested; -- after
`)
	m := p.Models["foundation.fct"]
	if m == nil {
		t.Fatal("not loaded")
	}
	want := &Model{Name: "foundation.fct", Schema: "foundation", Table: "fct", File: "models/foundation/fct.sql", Kind: Full, Cron: "@hourly",
		Start: "2006-06-13", Owner: "ana", Description: "It's; a (fact", Grain: []string{"k", "d"}, Tags: []string{"a", "b c"}, Contract: true,
		Columns: []Column{{"k", "VARCHAR", "key"}, {"d", "DATE", "day"}, {"Mixed Case", "DECIMAL(18,4)", ""}, {"nested", "STRUCT(a INTEGER, b VARCHAR[])", ""}},
		SQL:     "-- before the query\nSELECT 'x' AS k, DATE '2020-01-01' AS d, 1::DECIMAL(18,4) AS \"Mixed Case\", NULL::STRUCT(a INT, b TEXT[]) AS nested"}
	want.Query, want.BindKey, want.CodeHash, want.MetaHash = want.SQL, m.BindKey, m.CodeHash, m.MetaHash
	if diff := cmp.Diff(want, m, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".parsed" }, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
}

func TestClosest(t *testing.T) {
	names := []string{"staging.stg_psd", "staging.stg_prices", "foundation.dim_country", "foundation.fct_psd"}
	for got, want := range map[string]string{
		"staging.stg_price":     "staging.stg_prices",
		"stagin.stg_psd":        "staging.stg_psd",
		"stg_psd":               "staging.stg_psd",
		"serving.dim_country":   "foundation.dim_country",
		"staging.nothing_alike": "",
	} {
		near := closest(got, names, 1)
		if strings.Join(near, " ") != want {
			t.Errorf("closest to %s: %v, want %s", got, near, want)
		}
	}
	for _, d := range []struct {
		a, b string
		n    int
	}{{"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}} {
		if n := editDistance(d.a, d.b); n != d.n {
			t.Errorf("distance of %s and %s is %d, want %d", d.a, d.b, n, d.n)
		}
	}
}
