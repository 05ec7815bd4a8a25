package extract

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

const (
	// quarantineBytes bounds what is kept of one refused answer.
	quarantineBytes = 64 << 20
	// toldFiles is how many files of a run have a line each in the log; a long
	// history's others are counted by its progress.
	toldFiles = 30
)

// NewDraft starts a file; see landing.Batch.NewDraft. Land or discard it.
func (s *Session) NewDraft(ext string) (*landing.Draft, error) {
	d, err := s.batch.NewDraft(ext)
	if err != nil {
		return nil, &stopError{err}
	}
	return d, nil
}

// Land gives the draft its name, unless the same content landed before, whatever
// its name: then it is unchanged. e gives the plain Path, Rows, ReleasedAt and,
// where the content has volatile fields, the SHA256 of the rest; r is the answer
// it comes from. It says whether the file is new.
func (s *Session) Land(ctx context.Context, d *landing.Draft, e landing.Entry, r *Response) (bool, error) {
	e.URL, e.Validators, e.Origin = r.URL, r.Validators, s.origin
	sha := e.SHA256
	if sha == "" {
		sha = d.SHA256()
	}
	s.down = 0
	s.last, s.lastSHA = r.Validators, sha
	same, known, err := s.landedBefore(ctx, sha)
	if err != nil {
		d.Discard()
		return false, err
	}
	if known {
		d.Discard()
		s.unchanged(r.URL, same.Path)
		s.pending = append(s.pending, remembered{url: r.URL, validators: r.Validators, sha: sha})
		return false, nil
	}
	got, err := s.batch.Put(d, e)
	if errors.Is(err, landing.ErrExists) {
		// The zone has it and the index does not, or it was lost and is back.
		if err := s.deps.State.AddFiles(ctx, []state.File{file(got)}); err != nil {
			return false, &stopError{err}
		}
		s.unchanged(r.URL, got.Path)
		s.pending = append(s.pending, remembered{url: r.URL, validators: r.Validators, sha: sha})
		return false, nil
	}
	if err != nil {
		d.Discard()
		return false, &stopError{&Error{Source: s.source.Name, URL: r.URL, Err: err}}
	}
	s.put = append(s.put, got)
	s.pending = append(s.pending, remembered{url: r.URL, validators: r.Validators, sha: sha})
	level := slog.LevelInfo
	if len(s.put) > toldFiles {
		level = slog.LevelDebug
	}
	s.Log.Log(ctx, level, "landed", "path", got.Path, "rows", got.Rows, "bytes", got.Bytes, "url", got.URL)
	return true, nil
}

// landedBefore finds the source's file with this content. One that the index
// knows and the disk has lost does not count: landing it again brings it back.
func (s *Session) landedBefore(ctx context.Context, sha string) (landing.Entry, bool, error) {
	for _, e := range s.put {
		if e.SHA256 == sha {
			return e, true, nil
		}
	}
	f, ok, err := s.deps.State.FileBySHA(ctx, s.source.Name, sha)
	if err != nil {
		return landing.Entry{}, false, &stopError{err}
	}
	return entry(f), ok && s.lies(f.Path), nil
}

// Unchanged notes that upstream has what landed before, such as after a
// NotModified.
func (s *Session) Unchanged(r *Response) {
	s.down = 0
	s.last = r.Validators
	s.unchanged(r.URL, "")
}

func (s *Session) unchanged(url, path string) {
	s.result.Unchanged++
	s.Log.Debug("unchanged", "url", url, "path", path)
}

// Landed returns the source's files in order of landing, this run's last.
func (s *Session) Landed(ctx context.Context) ([]landing.Entry, error) {
	if s.earlier == nil {
		files, err := s.deps.State.FilesOf(ctx, s.source.Name)
		if err != nil {
			return nil, &stopError{err}
		}
		s.earlier = make([]landing.Entry, 0, len(files))
		for _, f := range files {
			s.earlier = append(s.earlier, entry(f))
		}
	}
	return append(s.earlier[:len(s.earlier):len(s.earlier)], s.put...), nil
}

// ReadLanded is the uncompressed content of a landed file, at most limit bytes.
func (s *Session) ReadLanded(e landing.Entry, limit int64) ([]byte, error) {
	at, _, err := s.deps.Zone.File(e.Path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(at)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(e.Path, "gz") || strings.HasSuffix(e.Path, "gzip") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Path, err)
		}
	}
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.Path, err)
	}
	return body, nil
}

// remember tells the state what saves requests next time. Answers of a zone that
// holds nothing are not remembered: it may be used for another origin next.
func (s *Session) remember(ctx context.Context) error {
	origin, err := s.deps.Zone.Origin()
	if err != nil || origin == "" {
		return err
	}
	for _, p := range s.pending {
		switch {
		case p.status != 0:
			err = s.deps.State.Settle(ctx, p.url, p.status, s.Now())
		case p.validators != landing.Validators{}: // URLs without any may differ every day
			err = s.deps.State.SetValidators(ctx, p.url, p.validators.ETag, p.validators.LastModified, p.sha, s.Now())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// quarantine keeps a refused body, once however often upstream repeats it. A
// failure here is logged only: the refusal itself is what counts.
func (s *Session) quarantine(r *Response, reason error) {
	if s.deps.kept != nil {
		return // it lies there
	}
	sha, err := r.hash()
	if err != nil {
		s.Log.Warn("refused answer not kept", "url", r.URL, "reason", err.Error())
		return
	}
	name := sha[:12] + "-" + r.Base()
	if kept, _ := filepath.Glob(filepath.Join(s.deps.Zone.Root(), ".quarantine", "*-"+name[:13]+"*")); len(kept) > 0 {
		return
	}
	body := io.LimitReader(r.body(), quarantineBytes)
	text := reason.Error() + "\n" + r.refused(sha).machineLine()
	if err := s.deps.Zone.Quarantine(s.source.Name, s.result.RunID, name, body, text); err != nil {
		s.Log.Warn("refused answer not kept", "url", r.URL, "reason", err.Error())
		return
	}
	s.Log.Info("refused answer kept in .quarantine", "name", s.result.RunID+"-"+name)
}
