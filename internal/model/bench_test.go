package model

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// generate writes a project of n models: layers of ten, each model joining
// two of the layer before, with a contract and audits, as real ones have.
func generate(tb testing.TB, n int) string {
	root := tb.TempDir()
	write := func(path, text string) {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	write("config.yaml", "model_defaults: {dialect: duckdb}\nvariables: {landing_dir: data/landing, floor: 10}\n")
	for i := range n {
		header := "kind FULL, grain (k, d),\n  columns (k VARCHAR, v DECIMAL(18,4), d DATE, c VARCHAR, pct DOUBLE),\n" +
			"  audits (not_null(columns := (k, d)), unique_combination_of_columns(columns := (k, d)))"
		if i < 10 {
			write(fmt.Sprintf("models/staging/m%d.sql", i), fmt.Sprintf(`MODEL (name staging.m%d, %s);
SELECT k, v, d, 'x' AS c, 0.5::DOUBLE AS pct
FROM read_csv(@landing_dir || '/s%d/*.csv', columns = {'k': 'VARCHAR', 'v': 'DECIMAL(18,4)', 'd': 'DATE'}, auto_detect = false)`, i, header, i))
			continue
		}
		layer := i/10*10 - 10
		parent := func(j int) string {
			schema := "foundation"
			if layer+j < 10 {
				schema = "staging"
			}
			return fmt.Sprintf("%s.m%d", schema, layer+j)
		}
		write(fmt.Sprintf("models/foundation/m%d.sql", i), fmt.Sprintf(`MODEL (name foundation.m%d, %s);
-- what is left after the filter
WITH filtered AS (
  SELECT k, v, d FROM %s WHERE v > @floor AND d IS NOT NULL
), summed AS (
  SELECT k, sum(v) AS v, max(d) AS d FROM filtered GROUP BY k
)
SELECT
  b.k::VARCHAR AS k,
  coalesce(b.v, 0)::DECIMAL(18,4) AS v,
  b.d,
  CASE WHEN b.v > 3 THEN 'x' ELSE 'y' END AS c,
  round(100 * b.v / nullif(sum(b.v) OVER (PARTITION BY b.d), 0), 2)::DOUBLE AS pct
FROM summed b LEFT JOIN %s AS y ON b.k = y.k
WHERE y.k IS NOT NULL`, i, header, parent(i%10), parent((i+3)%10)))
	}
	return root
}

// BenchmarkLoad is the cost of reading and binding 1,000 models. Figures in
// ms and in MB of memory the Go side allocates; peak_rss_MB is the process's
// high-water mark, DuckDB included.
func BenchmarkLoad(b *testing.B) {
	root := generate(b, 1000)
	b.Run("first", func(b *testing.B) { benchmarkLoad(b, root, LoadOptions{}) })
	p, err := Load(context.Background(), root, LoadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	known := map[string]Binding{}
	for _, m := range p.Models {
		known[m.BindKey] = Binding{m.Columns, m.Reads}
	}
	b.Run("unchanged", func(b *testing.B) {
		benchmarkLoad(b, root, LoadOptions{Bound: func(key string) (Binding, bool) { c, ok := known[key]; return c, ok }})
	})
}

func benchmarkLoad(b *testing.B, root string, o LoadOptions) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		p, err := Load(context.Background(), root, o)
		if err != nil {
			b.Fatal(err)
		}
		if len(p.Order) != 1000 {
			b.Fatalf("%d models", len(p.Order))
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/1e6, "MB-allocated/op")
	b.ReportMetric(peakMB(), "peak_rss_MB")
}

func peakMB() float64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0 // not on Linux
	}
	var kb float64
	for line := range lines(string(raw)) {
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			break
		}
	}
	return kb / 1e3
}
