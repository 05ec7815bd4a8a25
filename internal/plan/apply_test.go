package plan

import (
	"strings"
	"testing"
)

var allModels = []string{"foundation.rate", "foundation.trade", "serving.by_country", "serving.recent", "staging.country", "staging.rates", "staging.trades"}

func TestFirstPlanBuildsEverything(t *testing.T) {
	h := newHouse(t)
	p, applied := h.apply(Prod)
	if p.Headline != "`prod` environment will be initialized" {
		t.Errorf("headline %q", p.Headline)
	}
	if len(p.Added) != 7 || len(applied.Built) != 7 {
		t.Errorf("added %v, built %v", p.Added, applied.Built)
	}
	equal(t, "by_country", h.query("SELECT * FROM serving.by_country"), []string{`{"title":"Brazil","bags":10}`, `{"title":"Colombia","bags":5}`})
	equal(t, "recent", h.query("SELECT * FROM serving.recent"), []string{`{"day":"2026-01-02","title":"Colombia","bags":5}`})
	t.Log(text(t, p))
	if !strings.Contains(text(t, p), "staging.country: [load seed] new model") {
		t.Error(text(t, p))
	}
}
