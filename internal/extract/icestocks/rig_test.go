package icestocks

import (
	"net/http"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/upstream"
)

type rig struct{ *extracttest.Rig }

// newRig asks the sample upstream on a day after its report is out; nil stands
// for it.
func newRig(t testing.TB, answer http.Handler, now time.Time) *rig {
	t.Helper()
	if answer == nil {
		server := upstream.New(upstream.Options{Now: func() time.Time { return now }})
		t.Cleanup(func() { server.Close() })
		answer = server
	}
	r := extracttest.New(t, Source(), answer.ServeHTTP)
	r.Now, r.Limits, r.Trim = now, extract.Limits{Tries: 2}, "/www.ice.com/publicdocs/futures_us_reports/coffee/"
	return &rig{r}
}

// read is the content of a landed file.
func (r *rig) read(name string) string { return string(r.Read(name)) }

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

func days(since, until string) extract.Window {
	return extract.Window{Since: at(since + " 00:00"), Until: at(until + " 00:00")}
}
