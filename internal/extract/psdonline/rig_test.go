package psdonline

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/state"
)

type rig struct{ *extracttest.Rig }

func newRig(t testing.TB, answer http.HandlerFunc) *rig {
	t.Helper()
	return &rig{extracttest.New(t, Source(), answer)}
}

func (r *rig) landed() []string {
	var list []string
	for _, name := range r.Files() {
		if strings.HasPrefix(name, "psd/") {
			list = append(list, name)
		}
	}
	return list
}

// publish answers with a file as its publisher does.
func publish(w http.ResponseWriter, r *http.Request, body []byte, modified time.Time) {
	etag := `"` + extracttest.Hash(body)[:16] + `"`
	w.Header().Set("ETag", etag)
	w.Header().Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(body)
}

// indexed is what the state knows of the source.
func (r *rig) indexed() []state.File {
	r.T.Helper()
	list, err := r.State.FilesOf(r.T.Context(), "psd")
	if err != nil {
		r.T.Fatal(err)
	}
	return list
}
