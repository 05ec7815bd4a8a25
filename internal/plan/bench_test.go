package plan

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/model"
)

// BenchmarkFirstPlan builds a project of one reader and one aggregate over 1.5
// million rows, and sets it against the same two statements run by DuckDB
// alone with the checkpoint that ends both: "ratio" is plan / DuckDB.
func BenchmarkFirstPlan(b *testing.B) {
	dir := b.TempDir()
	landing, projectDir := filepath.Join(dir, "landing"), filepath.Join(dir, "project")
	r := rand.New(rand.NewPCG(1, 2))
	var rows strings.Builder
	rows.WriteString("day,code,bags\n")
	for range 1_500_000 {
		fmt.Fprintf(&rows, "2026-01-%02d,%c%c,%d\n", 1+r.IntN(28), 'A'+r.IntN(26), 'A'+r.IntN(26), r.IntN(1_000_000))
	}
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	write(landing+"/rows.csv", rows.String())
	write(projectDir+"/config.yaml", projectFiles["config.yaml"])
	reader := "SELECT day, code, bags FROM read_csv(%s, columns = {'day': 'DATE', 'code': 'VARCHAR', 'bags': 'BIGINT'}, header = true, auto_detect = false)"
	total := "SELECT code, day, sum(bags) AS bags, median(bags) AS middle FROM %s GROUP BY code, day"
	write(projectDir+"/models/staging/rows.sql", "MODEL (name staging.rows, kind FULL);\n"+fmt.Sprintf(reader, "@landing_dir || '/*.csv'"))
	write(projectDir+"/models/foundation/total.sql", "MODEL (name foundation.total, kind FULL);\n"+fmt.Sprintf(total, "staging.rows"))
	ctx := context.Background()
	project, err := model.Load(ctx, projectDir, model.LoadOptions{Getenv: func(string) string { return landing }})
	if err != nil {
		b.Fatal(err)
	}
	in, err := landed(landing)
	if err != nil {
		b.Fatal(err)
	}
	var ours, alone time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		lake, err := Open(ctx, filepath.Join(dir, fmt.Sprintf("ours%d.duckdb", i)), Options{})
		if err != nil {
			b.Fatal(err)
		}
		recorded, err := lake.Recorded(ctx, Prod)
		if err != nil {
			b.Fatal(err)
		}
		p, err := Compute(project, in, recorded)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Apply(ctx, lake, p, nil); err != nil {
			b.Fatal(err)
		}
		if err := lake.Close(); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(began)

		began = time.Now()
		db, err := duck.Open(filepath.Join(dir, fmt.Sprintf("alone%d.duckdb", i)), duck.Options{ExternalAccess: true})
		if err != nil {
			b.Fatal(err)
		}
		for _, s := range []string{"CREATE TABLE r AS " + fmt.Sprintf(reader, "'"+landing+"/rows.csv'"), "CREATE TABLE t AS " + fmt.Sprintf(total, "r"), "CHECKPOINT"} {
			if _, err := db.Exec(s); err != nil {
				b.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		alone += time.Since(began)
	}
	b.ReportMetric(float64(ours)/float64(alone), "ratio")
}

// BenchmarkRunWithNothingNew is a run of 20,000 landing files without news.
func BenchmarkRunWithNothingNew(b *testing.B) {
	in := Inputs{Root: lz}
	for i := range 20_000 {
		in.Files = append(in.Files, InputFile{fmt.Sprintf("%s/w/%02d/%05d.json.gz", lz, i%12, i), fmt.Sprintf("%064d", i)})
	}
	first, err := Compute(project(reading(m("a.w", "w"), "w/*/*.json.gz"), m("b.top", "top", "a.w")), in, Recorded{Env: Prod})
	if err != nil {
		b.Fatal(err)
	}
	recorded := record(first)
	for b.Loop() {
		if p, err := ComputeRun(in, recorded); err != nil || p.Changes() {
			b.Fatal(p, err)
		}
	}
}

// BenchmarkOneNewFile runs an environment with one new file among 100,000 and
// among 1,000. "stage-ratio" compares the raw model's own build, "run-ratio"
// the whole Run: freezing the list, planning, building, promoting.
func BenchmarkOneNewFile(b *testing.B) {
	few, many := newCrowd(b, 1_000), newCrowd(b, 100_000)
	var fewStage, manyStage, fewRun, manyRun time.Duration
	for i := 0; b.Loop(); i++ {
		stage, run := few.addOne(b, i)
		fewStage, fewRun = fewStage+stage, fewRun+run
		stage, run = many.addOne(b, i)
		manyStage, manyRun = manyStage+stage, manyRun+run
	}
	b.ReportMetric(float64(manyStage)/float64(fewStage), "stage-ratio")
	b.ReportMetric(float64(manyRun)/float64(fewRun), "run-ratio")
	b.ReportMetric(float64(manyRun.Milliseconds())/float64(b.N), "run-ms")
}

// crowd is a lakehouse with one raw model over n landing files.
type crowd struct {
	path string
	in   Inputs
}

func newCrowd(b *testing.B, n int) *crowd {
	dir := b.TempDir()
	c := &crowd{path: filepath.Join(dir, "lake.duckdb"), in: Inputs{Root: filepath.Join(dir, "landing")}}
	for i := range n {
		c.land(b, i)
	}
	projectDir := filepath.Join(dir, "project")
	for name, text := range map[string]string{"config.yaml": projectFiles["config.yaml"], "models/raw.sql": `MODEL (name staging.raw, kind FULL, audits (not_null(columns := (path))));
SELECT filename AS path, a FROM read_csv(@landing_dir || '/raw/*/*.csv', columns = {'a': 'INT'}, header = false, auto_detect = false, filename = true)`} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(projectDir, name)), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(projectDir, name), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	project, err := model.Load(context.Background(), projectDir, model.LoadOptions{Getenv: func(string) string { return c.in.Root }})
	if err != nil {
		b.Fatal(err)
	}
	p, err := Compute(project, c.in, Recorded{Env: Prod})
	if err != nil {
		b.Fatal(err)
	}
	lake, err := Open(context.Background(), c.path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := Apply(context.Background(), lake, p, nil); err != nil {
		b.Fatal(err)
	}
	if err := lake.Close(); err != nil {
		b.Fatal(err)
	}
	return c
}

func (c *crowd) land(b *testing.B, i int) {
	path := fmt.Sprintf("%s/raw/%03d/%06d.csv", c.in.Root, i/1000, i)
	if i%1000 == 0 {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte(fmt.Sprintln(i)), 0o644); err != nil {
		b.Fatal(err)
	}
	c.in.Files = append(c.in.Files, InputFile{path, fmt.Sprintf("%064x", i)})
}

func (c *crowd) addOne(b *testing.B, i int) (stage, run time.Duration) {
	c.land(b, 1_000_000+i)
	began := time.Now()
	p, applied, err := Run(context.Background(), c.path, Options{}, Prod, frozen(c.in), nil)
	if err != nil || len(applied.Built) != 1 || p.Builds[0].Work != "read 1 new file" {
		b.Fatal(err, applied.Built)
	}
	return time.Duration(applied.Built[0].Seconds * float64(time.Second)), time.Since(began)
}

// BenchmarkPlanThousandModels plans a project of 1,000 models without changes,
// as `materia plan` does, in a process of its own: state read, files loaded,
// compared. peak_rss_MB is that process's high-water mark.
func BenchmarkPlanThousandModels(b *testing.B) {
	dir := b.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	write("project/config.yaml", projectFiles["config.yaml"])
	for i := range 1000 {
		header := "kind FULL, grain (k, d), columns (k VARCHAR, v DECIMAL(18,4), d DATE, c VARCHAR), audits (not_null(columns := (k, d)))"
		if i < 10 {
			write(fmt.Sprintf("landing/s%d/a.csv", i), "k,v,d\nx,1,2026-01-01\n")
			write(fmt.Sprintf("project/models/staging/m%d.sql", i), fmt.Sprintf(`MODEL (name staging.m%d, %s);
SELECT k, v, d, 'x' AS c
FROM read_csv(@landing_dir || '/s%d/*.csv', columns = {'k': 'VARCHAR', 'v': 'DECIMAL(18,4)', 'd': 'DATE'}, auto_detect = false, header = true)`, i, header, i))
			continue
		}
		parent := func(j int) string {
			if i < 20 {
				return fmt.Sprintf("staging.m%d", j)
			}
			return fmt.Sprintf("foundation.m%d", i/10*10-10+j)
		}
		write(fmt.Sprintf("project/models/foundation/m%d.sql", i), fmt.Sprintf(`MODEL (name foundation.m%d, %s);
WITH filtered AS (
  SELECT k, v, d FROM %s WHERE v > 1 AND d IS NOT NULL
), summed AS (
  SELECT k, sum(v) AS v, max(d) AS d FROM filtered GROUP BY k
)
SELECT b.k, CAST(coalesce(b.v, 0) AS DECIMAL(18, 4)) AS v, b.d, CASE WHEN b.v > 3 THEN 'x' ELSE 'y' END AS c
FROM summed AS b LEFT JOIN %s AS y ON b.k = y.k`, i, header, parent(i%10), parent((i+3)%10)))
	}
	first, err := planThousand(dir)
	if err != nil {
		b.Fatal(err)
	}
	lake, err := Open(context.Background(), filepath.Join(dir, "lake.duckdb"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	_, err = Apply(context.Background(), lake, first, nil)
	if err = errors.Join(err, lake.Close()); err != nil {
		b.Fatal(err)
	}
	var peak int64 // kB
	for b.Loop() {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "PLAN_TEST_ROLE=thousand", "PLAN_TEST_PATH="+dir)
		c.Stderr = os.Stderr
		out, err := c.Output()
		if err != nil {
			b.Fatal(err)
		}
		kB, err := strconv.ParseInt(string(out), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		peak = max(peak, kB)
	}
	b.ReportMetric(float64(peak)/1024, "peak_rss_MB")
}

// planThousandAlone is the process that BenchmarkPlanThousandModels measures. It
// prints its peak in kB: the kernel's rusage holds what the parent had at the fork.
func planThousandAlone(dir string) error {
	p, err := planThousand(dir)
	if err != nil {
		return err
	}
	if p.Changes() {
		return errors.New(p.Headline)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	_, err = fmt.Print(strings.Fields(after)[0])
	return err
}

// planThousand is a plan of prod as the project of 1,000 models in dir stands.
func planThousand(dir string) (*Plan, error) {
	ctx, in := context.Background(), Inputs{Root: filepath.Join(dir, "landing")}
	for i := range 10 {
		in.Files = append(in.Files, InputFile{fmt.Sprintf("%s/s%d/a.csv", in.Root, i), fmt.Sprintf("%064d", i)})
	}
	lake, err := OpenReadOnly(ctx, filepath.Join(dir, "lake.duckdb"), Options{})
	if err != nil {
		return nil, err
	}
	recorded, err := lake.Recorded(ctx, Prod)
	if err = errors.Join(err, lake.Close()); err != nil {
		return nil, err
	}
	project, err := model.Load(ctx, filepath.Join(dir, "project"), model.LoadOptions{Bound: recorded.Bound, Getenv: func(string) string { return in.Root }})
	if err != nil {
		return nil, err
	}
	return Compute(project, in, recorded)
}
