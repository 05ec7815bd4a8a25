package backup

import (
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// RestoreResult says what came back.
type RestoreResult struct {
	Files, Bytes int64
	Present      int64  // were here already and are equal
	State        string // the copy of the state that was restored; empty: it is to be rebuilt from the manifests
}

// Restore brings every object of the bucket that is missing here back into the
// landing zone, checks it on the way, and puts the newest good copy of the state
// in place where there is none. Nothing that lies here is overwritten: a file
// with other content than the bucket's is an error, before anything is written.
// It may be killed and run again. The caller holds the locks of all sources.
func Restore(ctx context.Context, d Deps) (RestoreResult, error) {
	began := d.Now()
	r, err := restore(ctx, d)
	row := state.BackupRun{Kind: "restore", StartedAt: began, FinishedAt: d.Now(), Status: state.Success, Objects: r.Files, Bytes: r.Bytes,
		Message: fmt.Sprintf("%d files restored, %d were here", r.Files, r.Present)}
	if err != nil {
		row.Status, row.Message = state.Failed, err.Error()
	}
	return r, errors.Join(err, d.Journal.AddBackupRun(context.WithoutCancel(ctx), row))
}

func restore(ctx context.Context, d Deps) (r RestoreResult, err error) {
	there, err := d.Bucket.list(ctx, "")
	if err != nil {
		return r, err
	}
	if len(there) == 0 {
		return r, errors.New("backup: restore: the bucket holds nothing under this prefix")
	}
	missing, present, err := d.missing(there)
	if err != nil {
		return r, err
	}
	r.Present = present
	tmp := filepath.Join(d.Zone.Root(), ".tmp", "restore")
	// What an earlier restore left when it was killed.
	if err := errors.Join(os.RemoveAll(tmp), os.MkdirAll(tmp, 0o755)); err != nil {
		return r, fmt.Errorf("backup: restore: %w", err)
	}
	defer os.RemoveAll(tmp)
	// Data before the manifests that name it: a kill between leaves files that the
	// next restore finds equal, never a manifest without its file.
	slices.SortFunc(missing, func(a, b object) int { return cmp.Or(rank(a.key)-rank(b.key), strings.Compare(a.key, b.key)) })
	for len(missing) > 0 {
		n := slices.IndexFunc(missing, func(o object) bool { return rank(o.key) != rank(missing[0].key) })
		if n < 0 {
			n = len(missing)
		}
		if err := d.fetchAll(ctx, missing[:n], tmp, &r); err != nil {
			return r, err
		}
		missing = missing[n:]
	}
	if err := d.checkRestored(ctx); err != nil {
		return r, err
	}
	r.State, err = d.restoreState(ctx, there, tmp)
	return r, err
}

func rank(key string) int {
	switch {
	case strings.HasPrefix(key, "landing/.manifest/"):
		return 2
	case strings.HasPrefix(key, "landing/.decisions/"):
		return 1
	}
	return 0
}

// missing lists the objects that are not here. A file that is here and differs
// ends the restore before it wrote anything.
func (d Deps) missing(there map[string]object) (list []object, present int64, err error) {
	var other []string
	for key, o := range there {
		rel, ok := strings.CutPrefix(key, "landing/")
		if !ok {
			continue
		}
		if err := checkRel(rel); err != nil {
			return nil, 0, fmt.Errorf("backup: restore: object %q: %w", key, err)
		}
		at, _, err := d.Zone.File(rel)
		if errors.Is(err, fs.ErrNotExist) {
			list = append(list, o)
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("backup: restore: %w", err)
		}
		sum, err := digestOfFile(at)
		if err != nil {
			return nil, 0, fmt.Errorf("backup: restore: %w", err)
		}
		if sum.bytes != o.bytes || len(o.etag) == 32 && sum.md5 != o.etag {
			other = append(other, rel)
			continue
		}
		present++
	}
	if len(other) > 0 {
		slices.Sort(other)
		return nil, 0, fmt.Errorf("backup: restore: %d files here differ from the bucket's, first %s: nothing was written. `materia landing verify` says which side is right; move the wrong file away and restore again", len(other), other[0])
	}
	return list, present, nil
}

// checkRel refuses a name that could leave the zone or reach its own files.
func checkRel(rel string) error {
	for _, records := range []string{".manifest/", ".decisions/"} {
		if rest, ok := strings.CutPrefix(rel, records); ok {
			return landing.CheckPath(rest)
		}
	}
	return landing.CheckPath(rel)
}

func (d Deps) fetchAll(ctx context.Context, list []object, tmp string, r *RestoreResult) error {
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	shown := time.Now()
	for i, o := range list {
		g.Go(func() error {
			note, err := d.fetch(gctx, o, filepath.Join(tmp, fmt.Sprint(rank(o.key), "-", i)))
			if err != nil {
				return err
			}
			if err := d.Journal.AddBackupObject(gctx, note); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			r.Files, r.Bytes = r.Files+1, r.Bytes+note.Bytes
			if time.Since(shown) > 5*time.Second {
				shown = time.Now()
				d.Log.Info("restore", "done", r.Files, "of", len(list))
			}
			return nil
		})
	}
	return g.Wait()
}

// fetch brings one object to its place: into a temporary, checked, synced, and
// linked under its name in one step. A crash leaves the temporary, which the
// next restore sweeps, or the whole file.
func (d Deps) fetch(ctx context.Context, o object, tmp string) (note state.BackupObject, err error) {
	body, promised, etag, err := d.Bucket.get(ctx, o.key)
	if err != nil {
		return note, err
	}
	defer body.Close()
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o444)
	if err != nil {
		return note, fmt.Errorf("backup: restore: %w", err)
	}
	sum, err := digestOf(io.TeeReader(body, f))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return note, fmt.Errorf("backup: restore %s: %w", o.key, err)
	}
	if promised != "" && sum.sha256 != promised {
		return note, fmt.Errorf("%w: restore: %s", ErrProblems, tampered(o.key, sum.sha256, promised))
	}
	final := filepath.Join(d.Zone.Root(), filepath.FromSlash(strings.TrimPrefix(o.key, "landing/")))
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return note, fmt.Errorf("backup: restore: %w", err)
	}
	if err := os.Link(tmp, final); err != nil {
		return note, fmt.Errorf("backup: restore: %w", err)
	}
	now := d.Now()
	note = state.BackupObject{Key: o.key, SHA256: sum.sha256, ETag: etag, Bytes: sum.bytes, UploadedAt: now, VerifiedAt: now}
	return note, errors.Join(syncDir(filepath.Dir(final)), os.Remove(tmp))
}

// checkRestored holds every landed file to its manifest: an object may carry a
// false promise, but not one that its manifest shares.
func (d Deps) checkRestored(ctx context.Context) error {
	var damaged []string
	err := d.Zone.Verify(ctx, func(_ landing.Entry, err error) {
		if err != nil {
			damaged = append(damaged, err.Error())
		}
	})
	if err != nil {
		return err
	}
	if len(damaged) > 0 {
		return fmt.Errorf("%w: restore: %d files are not what their manifests say, the first: %s", ErrProblems, len(damaged), damaged[0])
	}
	return nil
}

// restoreState puts the newest copy of the state that opens in place. A state
// that is here stays.
func (d Deps) restoreState(ctx context.Context, there map[string]object, tmp string) (string, error) {
	final := filepath.Join(d.Zone.Root(), ".state.sqlite")
	if _, err := os.Lstat(final); err == nil {
		return "", nil
	}
	var copies []string
	for key := range there {
		if strings.HasPrefix(key, "state/") {
			copies = append(copies, key)
		}
	}
	slices.Sort(copies)
	slices.Reverse(copies)
	for i, key := range copies {
		plain := filepath.Join(tmp, fmt.Sprint("state-", i))
		if err := d.unpack(ctx, key, plain); err != nil {
			d.Log.Warn("a copy of the state is passed over", "object", key, "err", err)
			continue
		}
		// A crash before it leaves no state, after it the whole one.
		if err := os.Rename(plain, final); err != nil {
			return "", fmt.Errorf("backup: restore: %w", err)
		}
		return key, syncDir(d.Zone.Root())
	}
	return "", nil
}

// unpack writes the state out of an object and sees that it opens.
func (d Deps) unpack(ctx context.Context, key, to string) error {
	body, promised, _, err := d.Bucket.get(ctx, key)
	if err != nil {
		return err
	}
	defer body.Close()
	packed := sha256.New()
	z, err := gzip.NewReader(io.TeeReader(body, packed))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, z)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if _, err := io.Copy(packed, body); err != nil {
		return err
	}
	if got := hex.EncodeToString(packed.Sum(nil)); promised != "" && got != promised {
		return errors.New(tampered(key, got, promised))
	}
	st, err := state.Open(to)
	if err != nil {
		return err
	}
	return st.Close()
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
