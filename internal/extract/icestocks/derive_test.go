package icestocks

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// mended is the source with a parser that reads one day otherwise.
func mended(day string) extract.Source {
	src := Source()
	src.Derive = func(original landing.Entry, body []byte) ([]extract.Derived, error) {
		made, err := derive(original, body)
		for n := range made {
			if made[n].Path == "ice_stocks/"+day+".csv.gz" {
				made[n].Body = bytes.Replace(made[n].Body, []byte(",certified,"), []byte(",Certified,"), 1)
			}
		}
		return made, err
	}
	return src
}

func (r *rig) rederive(src extract.Source) (extract.Rederived, error) {
	r.T.Helper()
	later := func() time.Time { return r.Now.AddDate(0, 1, 0) }
	zone, err := landing.Open(r.Root, landing.Options{Now: later, OnStep: r.OnStep})
	if err != nil {
		r.T.Fatal(err)
	}
	return extract.Rederive(r.T.Context(), extract.Deps{Zone: zone, State: r.State, Now: later}, src, "ada", "certified was misread")
}

func (r *rig) visible(day string) (figures []string) {
	r.T.Helper()
	figures, err := filepath.Glob(filepath.Join(r.Root, "ice_stocks", day+"*.csv.gz"))
	if err != nil {
		r.T.Fatal(err)
	}
	for n := range figures {
		figures[n], _ = filepath.Rel(r.Root, figures[n])
	}
	return figures
}

// TestRederive: figures that a mended parser reads otherwise take the place of the
// old ones, with the landing time of their workbook; nothing else changes, and
// upstream, asked again, has nothing new.
func TestRederive(t *testing.T) {
	r := newRig(t, nil, at(thursday))
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	before := r.Files()
	if res, err := r.rederive(Source()); err != nil || res.Originals != 8 || len(res.Landed)+len(res.Superseded)+len(res.Failed) != 0 {
		t.Fatalf("the same parser: %+v, %v", res, err)
	}
	if got := r.Files(); !slices.Equal(got, before) {
		t.Fatalf("the same parser left %q", got)
	}
	old := r.read("ice_stocks/2025-12-02.csv.gz")
	res, err := r.rederive(mended("2025-12-02"))
	if err != nil || res.Originals != 8 || len(res.Landed) != 1 || !slices.Equal(res.Superseded, []string{"ice_stocks/2025-12-02.csv.gz"}) || len(res.Failed) != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	e := res.Landed[0]
	if !strings.HasPrefix(e.Path, "ice_stocks/2025-12-02.20260104T200000Z-") || !e.LandedAt.Equal(r.Now) || e.DerivedFrom != "ice_stocks/2025-12-02.xls" || e.ReleasedAt == nil || e.Origin != "sample" {
		t.Errorf("landed %+v", e)
	}
	if got := r.visible("2025-12-02"); !slices.Equal(got, []string{e.Path}) {
		t.Errorf("readers see %q", got)
	}
	if got := r.read(e.Path); got == old || strings.Replace(got, ",Certified,", ",certified,", 1) != old {
		t.Error("other figures than the parser made")
	}
	if got := r.read(".aside/ice_stocks/2025-12-02.csv.gz"); got != old {
		t.Error("the old figures are not kept")
	}
	if res, err := r.rederive(mended("2025-12-02")); err != nil || len(res.Landed)+len(res.Superseded) != 0 {
		t.Errorf("once more: %+v, %v", res, err)
	}
	if res, err := r.Run(extract.Window{}); err != nil || res.Status != state.Unchanged {
		t.Errorf("asked again: %+v, %v", res, err)
	}
	if got := r.visible("2025-12-02"); !slices.Equal(got, []string{e.Path}) {
		t.Errorf("asked again, readers see %q", got)
	}
}

// A workbook that the new parser refuses keeps its figures and is listed.
func TestRederiveKeepsWhatItCannotRead(t *testing.T) {
	r := newRig(t, nil, at(thursday))
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	book := filepath.Join(r.Root, "ice_stocks/2025-12-03.xls")
	os.Chmod(book, 0o644)
	if err := os.WriteFile(book, []byte("damaged"), 0o444); err != nil {
		t.Fatal(err)
	}
	before := r.Files()
	res, err := r.rederive(mended("2025-12-03"))
	if err != nil || len(res.Failed) != 1 || !strings.HasPrefix(res.Failed[0], "ice_stocks/2025-12-03.xls: ") || len(res.Landed) != 0 {
		t.Errorf("%+v, %v", res, err)
	}
	if got := r.Files(); !slices.Equal(got, before) {
		t.Errorf("files %q", got)
	}
}

// TestFaultDiskAtEveryStepOfRederive: the n-th operation fails; the next Rederive
// ends where an undisturbed one does, with one version in the readers' sight.
func TestFaultDiskAtEveryStepOfRederive(t *testing.T) {
	t.Parallel()
	first := newRig(t, nil, at(thursday))
	if _, err := first.Run(days("2025-12-02", "2025-12-03")); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		r := newRig(t, nil, at(thursday))
		if err := os.RemoveAll(r.Root); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(r.Root, os.DirFS(first.Root)); err != nil {
			t.Fatal(err)
		}
		calls := 0
		r.OnStep = func(string) error {
			if calls++; calls == n {
				return syscall.ENOSPC
			}
			return nil
		}
		_, err := r.rederive(mended("2025-12-02"))
		if calls < n {
			if n < 30 {
				t.Fatalf("%d steps only", n)
			}
			break
		}
		r.OnStep = nil
		if _, again := r.rederive(mended("2025-12-02")); again != nil {
			t.Fatalf("step %d (%v): next: %v", n, err, again)
		}
		got := r.visible("2025-12-02")
		if len(got) != 1 || !strings.Contains(r.read(got[0]), ",Certified,") {
			t.Errorf("step %d (%v): readers see %q", n, err, got)
		}
	}
}
