package plan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"testing"

	"beanflows.coffee/materia/internal/model"
)

// TestRealProjectOnTheRealRelease plans this repository's own project over the
// PSD release of December 2022. The expected world balance was computed from
// the upstream file without any code of ours; 77,957 is its number of lines
// less the header.
func TestRealProjectOnTheRealRelease(t *testing.T) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	body := realZIP(t, "psd/psd_coffee_csv_2022-12-20.zip")
	sum := sha256.Sum256(body)
	sha := hex.EncodeToString(sum[:])

	h := &house{t: t, root: t.TempDir()}
	h.paths()
	h.project = filepath.Join(repo, "transform")
	name := "psd/2022/12/" + sha[:12] + ".csv.gzip"
	h.land(name, string(body))
	line, err := json.Marshal(map[string]any{"path": name, "source": "psd", "sha256": sha, "bytes": len(body), "rows": 77957,
		"landed_at": "2026-02-01T00:00:00Z", "released_at": "2022-12-20T15:02:00Z", "url": "https://apps.fas.usda.gov/x", "origin": "replay", "run": "20260201T000000Z-psd-00000000"})
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(h.landing, ".manifest/2026/20260201T000000Z-psd-00000000.jsonl"), append(line, '\n'))

	_, applied := h.apply(Prod)
	for _, w := range applied.Warnings {
		t.Logf("warning: %s", w)
	}
	equal(t, "lines", h.query("SELECT count(*) AS n FROM staging.raw_psd"), []string{`{"n":77957}`})
	equal(t, "world balance 2022/23", h.query(`SELECT beginning_stocks::INT AS b, production::INT AS p, arabica_production::INT AS a, robusta_production::INT AS r,
		imports::INT AS i, exports::INT AS e, domestic_consumption::INT AS c, ending_stocks::INT AS s
		FROM serving.commodity_metrics WHERE country_code = 'WORLD' AND season = '2022/23'`),
		[]string{`{"b":32565,"p":172750,"a":92674,"r":80076,"i":136003,"e":139259,"c":167945,"s":34114}`})
	before, _ := h.stamp()
	if p, _ := h.run(Prod); p.Changes() {
		t.Errorf("run with nothing new: %s", text(t, p))
	}
	lake, err := OpenReadOnly(context.Background(), h.path, h.options())
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := lake.Recorded(context.Background(), Prod)
	if err != nil {
		t.Fatal(err)
	}
	asked, hits := 0, 0
	project, err := model.Load(context.Background(), h.project, model.LoadOptions{Getenv: func(string) string { return h.landing },
		Bound: func(key string) (model.Binding, bool) {
			asked++
			columns, ok := recorded.Bound(key)
			if ok {
				hits++
			}
			return columns, ok
		}})
	if err != nil {
		t.Fatal(err)
	}
	if asked == 0 || hits != asked {
		t.Errorf("of %d models, %d had recorded columns", asked, hits)
	}
	if p, err := Compute(project, h.inputs(), recorded); err != nil || p.Changes() {
		t.Errorf("loaded with recorded columns: %v, %v", p.Headline, err)
	}
	if err := lake.Close(); err != nil {
		t.Fatal(err)
	}
	if after, _ := h.stamp(); !after.Equal(before) {
		t.Error("looking for news wrote to the file")
	}
}
