package extract

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// maxOriginal bounds an original that is read again.
const maxOriginal = 64 << 20

// Rederived is what became of a source's originals.
type Rederived struct {
	Originals  int
	Landed     []landing.Entry // figures that came out otherwise than before
	Superseded []string        // what they stand for, set aside
	Failed     []string        // originals that cannot be read any more, and why
}

// Rederive reads every kept original of the source again, after its parser was
// mended, without asking upstream. Figures that come out otherwise land under a
// later name with the landing time of their original, and those before them are set
// aside by a decision that says who and why. What the new parser refuses keeps its old figures and
// is listed.
//
// A crash before the decision leaves both in the readers' sight; the next Rederive
// finds the new ones landed and sets the old aside.
func Rederive(ctx context.Context, d Deps, src Source, by, why string) (res Rederived, err error) {
	switch {
	case src.Derive == nil:
		return res, fmt.Errorf("%s keeps no originals beside its files", src.Name)
	case by == "" || why == "":
		return res, errors.New("rederive: say who decides and why")
	}
	lock, err := d.Zone.Lock(ctx, src.Name, d.LockWait)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if _, err := d.Zone.Recover(src.Name); err != nil {
		return res, err
	}
	var all []landing.Entry
	for e, err := range d.Zone.Entries() {
		if err != nil {
			return res, err
		}
		if e.Source == src.Name {
			all = append(all, e)
		}
	}
	started := d.Now().UTC()
	run := state.Run{ID: landing.NewRunID(src.Name, started), Source: src.Name, StartedAt: started, Status: state.Unchanged}
	batch, err := d.Zone.Begin(src.Name, run.ID)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, batch.Close()) }()
	for _, original := range all {
		if ctx.Err() != nil {
			return res, context.Cause(ctx)
		}
		old, err := rederive(d, src, batch, original, all, &res)
		if err != nil {
			return res, err
		}
		res.Superseded = append(res.Superseded, old...)
	}
	if res.Landed, err = batch.Commit(); err != nil {
		return res, err
	}
	if err := recordRun(ctx, d, run, res.Landed); err != nil || len(res.Superseded) == 0 {
		return res, err
	}
	_, err = d.Zone.Decide(landing.Decision{Source: src.Name, Action: landing.Supersede, Paths: res.Superseded, By: by, Why: why})
	return res, err
}

// rederive makes one original's files anew and returns the paths that they stand for.
func rederive(d Deps, src Source, batch *landing.Batch, original landing.Entry, all []landing.Entry, res *Rederived) (old []string, err error) {
	s := Session{source: src, deps: d}
	body, err := s.ReadLanded(original, maxOriginal)
	var made []Derived
	if err == nil {
		made, err = src.Derive(original, body)
	}
	if err != nil {
		res.Originals++
		res.Failed = append(res.Failed, original.Path+": "+err.Error())
		return nil, nil
	}
	if len(made) == 0 {
		return nil, nil // no original
	}
	res.Originals++
	for _, m := range made {
		sum := sha256.Sum256(m.Body)
		sha := hex.EncodeToString(sum[:])
		var differs []string
		same := false
		for _, e := range all {
			if e.URL != original.URL || path.Ext(e.Path) == path.Ext(original.Path) || s.SetAside(e) {
				continue
			}
			plain, _ := landing.PlainPath(e.Path)
			switch {
			case plain == m.Path && e.SHA256 == sha:
				same = true
			case e.Run == original.Run || e.DerivedFrom == original.Path:
				differs = append(differs, e.Path)
			}
		}
		if !same {
			if err := putDerived(batch, m, original); errors.Is(err, landing.ErrExists) {
				res.Failed = append(res.Failed, original.Path+": comes out as a file that a decision set aside; restore that one instead")
				continue
			} else if err != nil {
				return nil, err
			}
		}
		old = append(old, differs...)
	}
	return old, nil
}

func putDerived(batch *landing.Batch, m Derived, original landing.Entry) error {
	_, ext := landing.SplitExt(m.Path)
	draft, err := batch.NewDraft(ext)
	if err != nil {
		return err
	}
	defer draft.Discard() // nothing, once landed
	if _, err := bytes.NewReader(m.Body).WriteTo(draft); err != nil {
		return err
	}
	_, err = batch.PutDerived(draft, landing.Entry{Path: m.Path, Rows: m.Rows, URL: original.URL, Origin: original.Origin,
		Validators: original.Validators, ReleasedAt: original.ReleasedAt}, original)
	return err
}

// recordRun writes the row of a run that asked nobody.
func recordRun(ctx context.Context, d Deps, run state.Run, landed []landing.Entry) error {
	if err := d.State.StartRun(ctx, run); err != nil {
		return err
	}
	var files []state.File
	for _, e := range landed {
		run.Status = state.Success
		run.Files, run.Bytes, run.Rows = run.Files+1, run.Bytes+e.Bytes, run.Rows+e.Rows
		files = append(files, file(e))
	}
	run.FinishedAt = d.Now().UTC()
	return d.State.FinishRun(ctx, run, files)
}
