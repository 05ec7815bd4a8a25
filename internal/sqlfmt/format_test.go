package sqlfmt

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/model"
)

const transform = "../../transform"

func openDB(t testing.TB) *sql.DB {
	t.Helper()
	db, err := duck.Open("", duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestLayout(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"clauses", "select a, b as c from s.t as t left join u on u.x = t.x and u.y=t.y where a > 1 and not b is null group by a,b having count(*)>1 order by a desc nulls last limit 5",
			`SELECT
  a,
  b AS c
FROM s.t AS t
LEFT JOIN u
  ON u.x = t.x
  AND u.y = t.y
WHERE
  a > 1
  AND NOT b IS NULL
GROUP BY
  a,
  b
HAVING
  count(*) > 1
ORDER BY
  a DESC NULLS LAST
LIMIT 5
`},
		{"with and union", "with a as (select 1 as x), b(y) as not materialized (select 2) select x from a union all select y from b where y in (select x from a)",
			`WITH a AS (
  SELECT
    1 AS x
), b(y) AS NOT MATERIALIZED (
  SELECT
    2
)
SELECT
  x
FROM a
UNION ALL
SELECT
  y
FROM b
WHERE
  y IN (
    SELECT
      x
    FROM a
  )
`},
		{"a quoted name in WITH", "with \"Q\" as (select 1 as x), r(y) as (select 2) select x from \"Q\"",
			"WITH \"Q\" AS (\n  SELECT\n    1 AS x\n), r(y) AS (\n  SELECT\n    2\n)\nSELECT\n  x\nFROM \"Q\"\n"},
		{"comments stay with what they follow", `-- top

-- second block
select -- what is read
  a -- about a
, b, -- about b
  /* before c */ c
  -- before from
from t -- about t
-- the end`,
			`-- top

-- second block
SELECT -- what is read
  a, -- about a
  b, -- about b
  /* before c */
  c
-- before from
FROM t -- about t
-- the end
`},
		{"a comment inside a call breaks it", "SELECT coalesce(a, -- first\n b) FROM t",
			"SELECT\n  COALESCE(\n    a, -- first\n    b\n  )\nFROM t\n"},
		{"names that are keywords elsewhere", "select rows as row_count, year, t.select, left(a, 2) as first, filter, range, date from release as t where rows between 1 and 2 and date > date '2020-01-01'",
			`SELECT
  rows AS row_count,
  year,
  t.select,
  left(a, 2) AS first,
  filter,
  range,
  date
FROM release AS t
WHERE
  rows BETWEEN 1 AND 2
  AND date > DATE '2020-01-01'
`},
		{"windows", "select sum(x) filter (where y > 0) over (partition by a order by b rows between 5 preceding and current row) as s from t",
			`SELECT
  sum(x) FILTER (WHERE y > 0) OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) AS s
FROM t
`},
		{"long windows", "select lag(close_usc_lb) over (partition by ticker, trade_date, something_else, another_column order by landed_at desc, path desc) as previous from t",
			`SELECT
  lag(close_usc_lb) OVER (
    PARTITION BY ticker, trade_date, something_else, another_column
    ORDER BY landed_at DESC, path DESC
  ) AS previous
FROM t
`},
		{"signs, casts and subscripts", "select - 1, a - -1, a- b, -(-a), x :: int, cast(a as decimal( 18,4 )), l [1], l[1 : 2], {'a' : 1}, interval '1' year, 3 * a from t",
			`SELECT
  -1,
  a - -1,
  a - b,
  -(-a),
  x::INT,
  CAST(a AS DECIMAL(18, 4)),
  l[1],
  l[1:2],
  {'a': 1},
  INTERVAL '1' YEAR,
  3 * a
FROM t
`},
		{"case", "select case when a then 1 else 2 end as x, case a_long_operand_of_case when 'first alternative' then 'the first result' when 'second alternative' then 'the second' end as y from t",
			`SELECT
  CASE WHEN a THEN 1 ELSE 2 END AS x,
  CASE a_long_operand_of_case
    WHEN 'first alternative' THEN 'the first result'
    WHEN 'second alternative' THEN 'the second'
  END AS y
FROM t
`},
		{"header", "model(name s.t,KIND full,columns(a varchar, b struct(date date, x decimal(3,1)[])),\naudits(not_null(columns:=(a))), cron '@daily', -- each day\n description 'Select From')\n;select 1 as a;",
			`MODEL (
  name s.t,
  kind FULL,
  columns (
    a VARCHAR,
    b STRUCT(date DATE, x DECIMAL(3, 1)[])
  ),
  audits (
    not_null(columns := (a))
  ),
  cron '@daily', -- each day
  description 'Select From'
);

SELECT
  1 AS a;
`},
		{"macros", "MODEL (name s.t, kind FULL); @DEF(low, 1 + 2 );\nselect @if(@low>1, a, b) as x, @each([a, b], c -> sum(@c)) as y from t where @and(a>1, true)",
			"MODEL (\n  name s.t,\n  kind FULL\n);\n\n@DEF(low, 1 + 2);\n\nSELECT\n  @if(@low > 1, a, b) AS x,\n  @each([a, b], c -> sum(@c)) AS y\nFROM t\nWHERE\n  @and(a > 1, TRUE)\n"},
		{"seed", "MODEL (name s.t, kind seed (path 'x.csv', csv_settings (keep_default_na = false)));",
			"MODEL (\n  name s.t,\n  kind SEED (\n    path 'x.csv',\n    csv_settings (keep_default_na = false)\n  )\n);\n"},
		{"audits", "audit (name a, blocking false);select * from @this_model where x is null;\n\naudit(name b);select 1 from @this_model",
			`AUDIT (
  name a,
  blocking false
);

SELECT
  *
FROM @this_model
WHERE
  x IS NULL;

AUDIT (
  name b
);

SELECT
  1
FROM @this_model
`},
		{"lines of two systems", "select 1,\r\n  2 -- two\r\nfrom t\r\n", "SELECT\n  1,\n  2 -- two\nFROM t\n"},
		{"a string is not touched", "select 'it''s  --  not /* a */ comment\r\n\tselect' from t", "SELECT\n  'it''s  --  not /* a */ comment\r\n\tselect'\nFROM t\n"},
		{"nothing", " \n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, reason, err := Format(context.Background(), openDB(t), c.in)
			if err != nil || reason != "" {
				t.Fatalf("left alone: %q %v", reason, err)
			}
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// Syntax of every kind is understood well enough to be formatted at all.
func TestSyntaxIsNotLeftAlone(t *testing.T) {
	db := openDB(t)
	for _, q := range []string{
		"select * exclude (a) replace (b + 1 as b), t.*, columns('x.*') from t",
		"select distinct on (a, b) a, b from t qualify row_number() over (partition by a) = 1",
		"select count(distinct x), string_agg(x, ',' order by y desc), percentile_cont(0.5) within group (order by z) from t",
		"select extract(year from d), trim(both ' ' from x), substring(x from 1 for 2), position('a' in x), try_cast(x as date) from t",
		"select x is distinct from y, x not like 'a%' escape '\\', x similar to 'b', x ilike 'c', x is not null, x isnull from t",
		"select a.b.c, (s).f, s['k'], l[-1], [x for x in l if x > 1], list_transform(l, lambda x: x + 1), list_filter(l, x -> x > 1) from t",
		"select 1 union by name select 2 except all select 3 intersect select 4",
		"(select 1) union all (select 2) order by 1 limit 1 offset 2",
		"values (1, 'a'), (2, 'b')",
		"select * from (values (1, 2)) as v(a, b), lateral (select v.a) as l cross join range(3) as r(i)",
		"select * from a natural join b left outer join c using (x, y) asof join d on d.t <= a.t semi join e on e.x = a.x positional join f",
		"from t select a where b group by all order by all",
		"with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select * from r",
		"select ts at time zone 'UTC', timestamp with time zone '2020-01-01', x::timestamp with time zone, cast(x as double precision) from t",
		"select sum(x) over w, nth_value(x, 2 ignore nulls) over (order by y groups between unbounded preceding and 1 following exclude ties) from t window w as (partition by z)",
		"select group_id, grouping(a) from t group by grouping sets ((a), (b)), rollup (c)",
		"select interval 3 day, interval (x) month, interval '1 year 2 months', date '2020-01-01' + interval 1 week from t",
		"select map {'a': 1}, struct_pack(a := 1, b := 2), row(1, 2), {'a': {'b': [1, 2]}} from t using sample 10 percent",
		"select exists (select 1 from u where u.x = t.x), x in (1, 2), x = any (select 1), x not in (select y from u), (select max(z) from u) from t",
		"select first, last, value, name, type, key, index, path, version, source, month, day, current, partition, over from t",
		"select a from t where x between 1 and 2 and y not between symmetric 3 and 4 or not (z and w)",
		"select -x, - x ** 2, a % b, a // b, a || b || 'c', a <> b, ~c, @x, !d from t",
		"select e'\\n', x'00', $$dollar$$, \"Quoted Name\", 1_000, 1e-3, .5, 0xff from t",
		"pivot t on a using sum(b)",
		"select * from unnest([1]) with ordinality as t(a, b)",
		"select * from t pivot (sum(b) for a in ('x', 'y') group by c)",
		"select rows, range, filter from t where rows > 1 and range < 2 order by rows, range nulls first",
	} {
		got, reason, err := Format(context.Background(), db, q)
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.HasPrefix(reason, "DuckDB cannot parse it"): // a query that is no SELECT for it, or of an older grammar
			t.Logf("%s\n  %s", reason, q)
		case reason != "":
			after, _ := layout(q)
			t.Errorf("%s\n%s\n%s", reason, q, after)
		case strings.Contains(got, "\t") || strings.Contains(got, " \n"):
			t.Errorf("blanks at the end of a line:\n%s", got)
		}
	}
}

func TestLeftAlone(t *testing.T) {
	db := openDB(t)
	for text, want := range map[string]string{
		"SELECT 'open":                        "never closed",
		"SELECT (1":                           "( is never closed",
		"SELECT 1)":                           ") closes nothing",
		"SELECT CASE WHEN a THEN 1":           "CASE is never closed",
		"SELECT FROM WHERE":                   "DuckDB cannot parse it",
		"MODEL (name a.b); JINJA_QUERY_BEGIN": "DuckDB cannot parse it",
		"DELETE FROM t":                       "DuckDB cannot parse it",
		"SELECT " + strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200): "nested deeper",
	} {
		got, reason, err := Format(context.Background(), db, text)
		if err != nil {
			t.Fatal(err)
		}
		if got != text || !strings.Contains(reason, want) {
			t.Errorf("%.40q: reason %q, text changed: %v", text, reason, got != text)
		}
	}
}

// The proof itself: each kind of damage is seen.
func TestProofSeesDamage(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{"SELECT a -- c\n", "SELECT a\n", "comment -- c"},
		{"SELECT a -- c\n, b -- d\n", "SELECT a, -- d\nb -- c\n", "comment -- c"},
		{"SELECT a, b", "SELECT\n  a\n", "code near ,"},
		{"SELECT 'A'", "SELECT\n  'a'\n", "code near 'A'"},
		{"SELECT a", "SELECT a", "another text"},
	} {
		if got := sameText(c.before, c.after); !strings.Contains(got, c.want) {
			t.Errorf("%q to %q: %q, want %q", c.before, c.after, got, c.want)
		}
	}
	reason, err := sameTrees(context.Background(), openDB(t), []string{"SELECT a AS b"}, []string{"SELECT a AS B"})
	if err != nil || reason != "formatting would change what DuckDB reads" {
		t.Errorf("a renamed column: %q, %v", reason, err)
	}
}

// Our own project: everything can be formatted, and no model or audit means
// anything else afterwards.
func TestTransformKeepsItsHashes(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(transform)); err != nil {
		t.Fatal(err)
	}
	before := load(t, root)
	files, err := Files(root)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files { // the worst layout that says the same
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, []byte(squeezed(string(raw))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	results, err := Run(context.Background(), files, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Reason != "" || !r.Changed {
			t.Errorf("%s: %+v", filepath.Base(r.File), r)
		}
	}
	after := load(t, root)
	for _, name := range before.Order {
		if b, a := before.Models[name], after.Models[name]; b.CodeHash != a.CodeHash || b.MetaHash != a.MetaHash {
			t.Errorf("%s means something else", name)
		}
	}
	if again, err := Run(context.Background(), files, true); err != nil {
		t.Fatal(err)
	} else {
		for _, r := range again {
			if r.Changed || r.Reason != "" {
				t.Errorf("not formatted after formatting: %+v", r)
			}
		}
	}
}

func load(t *testing.T, root string) *model.Project {
	t.Helper()
	p, err := model.Load(context.Background(), root, model.LoadOptions{User: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// squeezed takes out the blanks that mean nothing, and all line ends but those
// of comments.
func squeezed(text string) string {
	var b strings.Builder
	for _, t := range model.Lex(text) {
		switch {
		case t.Kind == model.Space && strings.HasSuffix(b.String(), "\n"):
		case t.Kind == model.Space:
			b.WriteByte(' ')
		case t.Kind == model.LineComment:
			b.WriteString(t.Text + "\n")
		case t.Kind == model.Ident && reserved[strings.ToLower(t.Text)] && t.Text == strings.ToUpper(t.Text):
			b.WriteString(strings.ToLower(t.Text))
		default:
			b.WriteString(t.Text)
		}
	}
	return b.String()
}

func TestRunChecksAndWrites(t *testing.T) {
	dir := t.TempDir()
	good, bad, broken := filepath.Join(dir, "a.sql"), filepath.Join(dir, "b.sql"), filepath.Join(dir, "c.sql")
	for file, text := range map[string]string{good: "SELECT\n  1\n", bad: "select 1", broken: "select 'x"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := []Result{{File: good}, {File: bad, Changed: true}, {File: broken, Reason: "a string, quoted name or comment is never closed"}}
	for _, check := range []bool{true, false} {
		got, err := Run(context.Background(), []string{good, bad, broken}, check)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("check %v: %+v, want %+v", check, got[i], want[i])
			}
		}
		raw, _ := os.ReadFile(bad)
		if text := map[bool]string{true: "select 1", false: "SELECT\n  1\n"}[check]; string(raw) != text {
			t.Errorf("check %v: the file holds %q", check, raw)
		}
	}
	if info, err := os.Stat(bad); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := Run(context.Background(), []string{filepath.Join(dir, "none.sql")}, false); err == nil {
		t.Error("no error for a file that is not there")
	}
}
