package plan

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/model"
	"beanflows.coffee/materia/internal/realdata"
)

// house is a small project with a landing zone and a lakehouse:
//
//	seeds.country ----------------.
//	staging.trades (trades/*.csv.gzip) -> foundation.trade -> serving.by_country
//	                              .                        \-> serving.recent (VIEW)
//	staging.rates (rates/*.csv) -> foundation.rate
type house struct {
	t                      *testing.T
	root, landing, project string
	path                   string
	wait                   time.Duration
	now                    time.Time // zero: 2026-02-01
}

var projectFiles = map[string]string{
	"config.yaml":       "model_defaults:\n  dialect: duckdb\nvariables:\n  landing_dir: \"{{ env_var('LANDING_DIR', 'data/landing') }}\"\n",
	"seeds/country.csv": "code,title\nBR,Brazil\nCO,Colombia\n",
	"models/staging/country.sql": `MODEL (
  name staging.country,
  kind SEED (path '../../seeds/country.csv'),
  columns (code VARCHAR, title VARCHAR)
);
`,
	"models/staging/trades.sql": `MODEL (name staging.trades, kind FULL);
SELECT day, code, bags
FROM read_csv(@landing_dir || '/trades/*.csv.gzip', columns = {'day': 'DATE', 'code': 'VARCHAR', 'bags': 'BIGINT'},
  header = true, auto_detect = false, compression = 'gzip')
`,
	"models/staging/rates.sql": `MODEL (name staging.rates, kind FULL);
SELECT day, rate FROM read_csv(@landing_dir || '/rates/*.csv', columns = {'day': 'DATE', 'rate': 'DECIMAL(10,4)'}, header = true, auto_detect = false)
`,
	"models/foundation/trade.sql": `MODEL (
  name foundation.trade,
  kind FULL,
  columns (day DATE, code VARCHAR, title VARCHAR, bags BIGINT),
  audits (
    not_null(columns := (day, bags)),
    accepted_range_non_blocking(column := bags, min_v := 0)
  )
);
SELECT t.day, t.code, c.title, t.bags
FROM staging.trades AS t
LEFT JOIN staging.country AS c USING (code)
`,
	"models/foundation/rate.sql": `MODEL (name foundation.rate, kind FULL);
SELECT day, rate FROM staging.rates
`,
	"models/serving/by_country.sql": `MODEL (name serving.by_country, kind FULL);
SELECT title, CAST(sum(bags) AS BIGINT) AS bags
FROM foundation.trade
GROUP BY title
`,
	"models/serving/recent.sql": `MODEL (name serving.recent, kind VIEW);
SELECT day, title, bags
FROM foundation.trade
WHERE day >= DATE '2026-01-02'
`,
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, root: t.TempDir()}
	h.paths()
	for name, text := range projectFiles {
		h.write(name, text)
	}
	h.land("trades/a.csv.gzip", "day,code,bags\n2026-01-01,BR,10\n2026-01-02,CO,5\n")
	h.land("rates/a.csv", "day,rate\n2026-01-01,5.1234\n")
	return h
}

func (h *house) paths() {
	h.landing, h.project, h.path = filepath.Join(h.root, "landing"), filepath.Join(h.root, "project"), filepath.Join(h.root, "lake.duckdb")
}

func (h *house) write(name, text string) {
	h.t.Helper()
	put(h.t, filepath.Join(h.project, name), []byte(text))
}

func (h *house) edit(name, old, now string) {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.project, name))
	if err != nil || !strings.Contains(string(text), old) {
		h.t.Fatalf("%s has no %q: %v", name, old, err)
	}
	h.write(name, strings.ReplaceAll(string(text), old, now))
}

func (h *house) remove(name string) {
	h.t.Helper()
	if err := os.Remove(filepath.Join(h.project, name)); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) land(name, text string) {
	h.t.Helper()
	body := []byte(text)
	if strings.HasSuffix(name, ".gzip") || strings.HasSuffix(name, ".gz") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(body)
		z.Close()
		body = b.Bytes()
	}
	put(h.t, filepath.Join(h.landing, name), body)
}

func put(t *testing.T, path string, body []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
}

// inputs hashes the landing zone as it is.
func (h *house) inputs() Inputs {
	h.t.Helper()
	in, err := landed(h.landing)
	if err != nil {
		h.t.Fatal(err)
	}
	return in
}

func landed(root string) (Inputs, error) {
	in := Inputs{Root: root}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		sum := sha256.Sum256(body)
		in.Files = append(in.Files, InputFile{path, hex.EncodeToString(sum[:])})
		return err
	})
	return in, err
}

func (h *house) load(recorded Recorded) *model.Project {
	h.t.Helper()
	p, err := model.Load(context.Background(), h.project, model.LoadOptions{Bound: recorded.Bound, Getenv: func(name string) string {
		if name == "LANDING_DIR" {
			return h.landing
		}
		return ""
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) options() Options {
	now := h.now
	if now.IsZero() {
		now = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	}
	return Options{Threads: 2, MemoryLimit: "512MB", LockWait: h.wait, Now: func() time.Time { return now }}
}

// plan computes what would be done, from the file opened read-only.
func (h *house) plan(env string) *Plan {
	h.t.Helper()
	p, err := h.tryPlan(env)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) tryPlan(env string) (*Plan, error) {
	lake, err := OpenReadOnly(context.Background(), h.path, h.options())
	if err != nil {
		return nil, err
	}
	defer lake.Close()
	recorded, err := lake.Recorded(context.Background(), env)
	if err != nil {
		return nil, err
	}
	return Compute(h.load(recorded), h.inputs(), recorded)
}

// apply plans and applies, as `materia plan --auto-apply` does.
func (h *house) apply(env string) (*Plan, Applied) {
	h.t.Helper()
	p, applied, err := h.tryApply(env)
	if err != nil {
		h.t.Fatal(err)
	}
	return p, applied
}

func (h *house) tryApply(env string) (*Plan, Applied, error) {
	p, err := h.tryPlan(env)
	if err != nil || !p.Changes() {
		return p, Applied{}, err
	}
	lake, err := Open(context.Background(), h.path, h.options())
	if err != nil {
		return p, Applied{}, err
	}
	defer lake.Close()
	applied, err := Apply(context.Background(), lake, p, nil)
	return p, applied, err
}

func (h *house) run(env string) (*Plan, Applied) {
	h.t.Helper()
	p, applied, err := Run(context.Background(), h.path, h.options(), env, frozen(h.inputs()), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return p, applied
}

// query gives rows as JSON, sorted.
func (h *house) query(sql string) []string {
	h.t.Helper()
	db, err := duck.Open(h.path, duck.Options{ReadOnly: true, Threads: 1})
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	rows, err := query(db, sql)
	if err != nil {
		h.t.Fatal(err)
	}
	return rows
}

func query(db *sql.DB, text string) ([]string, error) {
	var all []string
	err := eachRow(context.Background(), db, func(scan func(...any) error) error {
		var row string
		err := scan(&row)
		all = append(all, row)
		return err
	}, "SELECT CAST(to_json(q) AS VARCHAR) FROM ("+text+") AS q")
	slices.Sort(all)
	return all, err
}

// content is everything an environment shows, by view: the rows, or their
// number and hash where they are many.
func content(path, env string) (string, error) {
	db, err := duck.Open(path, duck.Options{ReadOnly: true, Threads: 1})
	if err != nil {
		return "", err
	}
	defer db.Close()
	schemas := "schema_name NOT LIKE '%\\_\\_%' ESCAPE '\\'"
	if env != Prod {
		schemas = "ends_with(schema_name, '__" + env + "')"
	}
	names, err := query(db, "SELECT schema_name || '.' || view_name AS v FROM duckdb_views() WHERE NOT internal AND "+schemas)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, n := range names {
		name := strings.TrimSuffix(strings.TrimPrefix(n, `{"v":"`), `"}`)
		var count int
		if err := db.QueryRow("SELECT count(*) FROM " + name).Scan(&count); err != nil {
			return "", err
		}
		rows := "SELECT * FROM " + name
		if count > 100 {
			rows = "SELECT count(*) AS n, CAST(sum(hash(q)) AS VARCHAR) AS h FROM " + name + " AS q"
		}
		found, err := query(db, rows)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s\n  %s\n", name, strings.Join(found, "\n  "))
	}
	return b.String(), nil
}

func (h *house) content(env string) string {
	h.t.Helper()
	text, err := content(h.path, env)
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// physicals are the tables and views that stand.
func (h *house) physicals() []string {
	h.t.Helper()
	return h.query(`SELECT schema_name || '.' || table_name AS n FROM duckdb_tables() WHERE starts_with(schema_name, 'materia__')
		UNION ALL SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE starts_with(schema_name, 'materia__')`)
}

func (h *house) stamp() (time.Time, int64) {
	h.t.Helper()
	info, err := os.Stat(h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	return info.ModTime(), info.Size()
}

func builds(p *Plan) []string {
	names := []string{}
	for _, b := range p.Builds {
		names = append(names, b.Model)
	}
	return names
}

func text(t *testing.T, p *Plan) string {
	t.Helper()
	var b strings.Builder
	if err := p.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// realZIP is the first member of a publisher's ZIP.
func realZIP(t *testing.T, name string) []byte {
	t.Helper()
	return unzip(t, realdata.Path(t, name))
}

func unzip(t *testing.T, path string) []byte {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// frozen is a list of inputs that is known already.
func frozen(in Inputs) func() (Inputs, error) {
	return func() (Inputs, error) { return in, nil }
}
