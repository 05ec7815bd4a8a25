package backup

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
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

// Deps are what all three verbs work with.
type Deps struct {
	Zone    *landing.Zone
	Journal *state.Journal
	Bucket  *Bucket
	Now     func() time.Time
	Log     *slog.Logger
}

// Result says what a run did. Problems are what a person has to look at; the
// run went on past each of them.
type Result struct {
	Uploaded, UploadedBytes int64
	Present                 int64 // were there already
	Problems                []string
}

// ErrProblems says that files or objects are lost or changed: a person has to
// look. A bucket that does not answer is none; its age tells.
var ErrProblems = errors.New("backup: problems")

// parallel bounds transfers at once.
const parallel = 4

// settleTime is how old a file that no manifest names must be: those of a run
// that is going on will be named soon, or set aside.
const settleTime = time.Hour

// local is one file that belongs into the bucket.
type local struct {
	key   string
	path  string         // where it lies
	entry *landing.Entry // nil where no manifest knows its content
}

// Run uploads what the bucket does not have and records the run. The error says
// that the backup is not complete; Result says how far it came. Files that are
// lost or changed here, and objects that are lost or changed there, are problems
// and an error too: neither is made to follow the other.
func Run(ctx context.Context, d Deps, st *state.Store) (Result, error) {
	began := d.Now()
	r, err := run(ctx, d, st)
	if err == nil && len(r.Problems) > 0 {
		err = fmt.Errorf("%w: %d, the first: %s", ErrProblems, len(r.Problems), r.Problems[0])
	}
	row := state.BackupRun{Kind: "run", StartedAt: began, FinishedAt: d.Now(), Status: state.Success, Objects: r.Uploaded, Bytes: r.UploadedBytes,
		Message: fmt.Sprintf("%d uploaded, %d were there", r.Uploaded, r.Present)}
	if err != nil {
		row.Status, row.Message = state.Failed, err.Error()
	}
	return r, errors.Join(err, d.Journal.AddBackupRun(context.WithoutCancel(ctx), row))
}

func run(ctx context.Context, d Deps, st *state.Store) (r Result, err error) {
	files, problems, err := d.locals()
	if err != nil {
		return r, err
	}
	r.Problems = problems
	there, err := d.Bucket.list(ctx, "")
	if err != nil {
		return r, err
	}
	known, err := d.known(ctx)
	if err != nil {
		return r, err
	}
	r.Problems = append(r.Problems, lost(files, known)...)

	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	shown := time.Now()
	for i, f := range files {
		g.Go(func() error {
			sent, problem, err := d.bring(gctx, f, there, known)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				return err
			case problem != "":
				r.Problems = append(r.Problems, problem)
			case sent > 0:
				r.Uploaded, r.UploadedBytes = r.Uploaded+1, r.UploadedBytes+sent
			default:
				r.Present++
			}
			if time.Since(shown) > 5*time.Second {
				shown = time.Now()
				d.Log.Info("backup", "done", i+1, "of", len(files), "uploaded", r.Uploaded)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return r, err
	}
	// The state after the files: what it names is then in the bucket.
	sent, err := d.bringState(ctx, st, there)
	if err != nil {
		return r, err
	}
	if sent > 0 {
		r.Uploaded, r.UploadedBytes = r.Uploaded+1, r.UploadedBytes+sent
	}
	return r, nil
}

// locals lists what belongs into the bucket: data first, then the manifests that
// name it, so that a backup that ends in the middle has no manifest without its
// files.
func (d Deps) locals() (files []local, problems []string, err error) {
	seen := map[string]bool{}
	for e, err := range d.Zone.Entries() {
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		if seen[e.Path] {
			continue
		}
		seen[e.Path] = true
		at, _, err := d.Zone.File(e.Path)
		if errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Sprintf("%s is lost here: its manifest names it. `materia backup restore` brings it back from the bucket", e.Path))
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("backup: %w", err)
		}
		files = append(files, local{"landing/" + e.Path, at, &e})
	}
	loose, err := d.Zone.Unlisted()
	if err != nil {
		d.Log.Warn("files without a manifest line are left out", "err", err)
	}
	for _, rel := range loose {
		at := filepath.Join(d.Zone.Root(), filepath.FromSlash(rel))
		if info, err := os.Stat(at); err == nil && time.Since(info.ModTime()) > settleTime && landing.CheckPath(rel) == nil {
			files = append(files, local{"landing/" + rel, at, nil})
		}
	}
	for _, dir := range []string{".decisions", ".manifest"} {
		more, err := d.records(dir)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, more...)
	}
	return files, problems, nil
}

// records lists the files of .manifest/{year} and .decisions/{source}; hidden
// folders and files in them are work in progress.
func (d Deps) records(dir string) (files []local, err error) {
	root := filepath.Join(d.Zone.Root(), dir)
	err = filepath.WalkDir(root, func(at string, f fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && at == root:
			return nil
		case err != nil:
			return err
		case f.IsDir() && at != root && strings.HasPrefix(f.Name(), "."):
			return fs.SkipDir
		case f.Type().IsRegular() && !strings.HasPrefix(f.Name(), "."):
			files = append(files, local{key: "landing/" + dir + "/" + filepath.ToSlash(strings.TrimPrefix(at, root+string(filepath.Separator))), path: at})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("backup: list %s: %w", dir, err)
	}
	return files, nil
}

func (d Deps) known(ctx context.Context) (map[string]state.BackupObject, error) {
	list, err := d.Journal.BackupObjects(ctx, 0)
	if err != nil {
		return nil, err
	}
	known := make(map[string]state.BackupObject, len(list))
	for _, o := range list {
		known[o.Key] = o
	}
	return known, nil
}

// lost tells of files that were uploaded once and are not here any more, and
// that no manifest misses either: with the manifests gone too, or never named.
func lost(files []local, known map[string]state.BackupObject) (problems []string) {
	here := make(map[string]bool, len(files))
	for _, f := range files {
		here[f.key] = true
	}
	var gone []string
	for key := range known {
		if strings.HasPrefix(key, "landing/") && !here[key] {
			gone = append(gone, strings.TrimPrefix(key, "landing/"))
		}
	}
	if len(gone) == 0 {
		return nil
	}
	slices.Sort(gone)
	return []string{fmt.Sprintf("%d files that were backed up are lost here, first %s. The bucket has them: `materia backup restore`", len(gone), gone[0])}
}

// bring sees that the bucket has the file. sent is its size where it was
// uploaded.
func (d Deps) bring(ctx context.Context, f local, there map[string]object, known map[string]state.BackupObject) (sent int64, problem string, err error) {
	listed, present := there[f.key]
	o, noted := known[f.key]
	if noted && present {
		if listed.bytes == o.Bytes && listed.etag == o.ETag {
			return 0, "", nil
		}
		return d.suspect(ctx, f.key, o)
	}
	if f.entry != nil { // nothing that rotted here may become the good copy there
		if err := d.Zone.Check(*f.entry); err != nil {
			return 0, err.Error() + "; it was not uploaded", nil
		}
	}
	sum, err := digestOfFile(f.path)
	if err != nil {
		return 0, "", fmt.Errorf("backup: read %s: %w", f.path, err)
	}
	if noted {
		d.Log.Warn("an object is gone from the bucket; it is uploaded again", "object", f.key)
		if sum.sha256 != o.SHA256 {
			return 0, fmt.Sprintf("%s is gone from the bucket, and the file here is not what was uploaded", f.key), nil
		}
	}
	now := d.Now()
	note := state.BackupObject{Key: f.key, SHA256: sum.sha256, Bytes: sum.bytes, UploadedAt: now, VerifiedAt: now}
	if present { // the journal was lost, or another program uploads into the bucket
		if listed.bytes == sum.bytes && listed.etag == sum.md5 {
			note.ETag, note.VerifiedAt = listed.etag, time.Time{}
			return 0, "", d.Journal.AddBackupObject(ctx, note)
		}
		return d.compare(ctx, f.key, note)
	}
	note.ETag, err = d.Bucket.put(ctx, f.key, f.path, sum)
	if errors.Is(err, errExists) { // another backup was faster
		return d.compare(ctx, f.key, note)
	}
	if err != nil {
		return 0, "", err
	}
	// A crash here leaves an object that the journal does not know: the next run
	// finds it in the list, compares it and notes it.
	return max(sum.bytes, 1), "", d.Journal.AddBackupObject(ctx, note)
}

// suspect reads an object whose size or tag in the list is not what it was.
func (d Deps) suspect(ctx context.Context, key string, o state.BackupObject) (int64, string, error) {
	got, _, etag, err := d.Bucket.digestOfObject(ctx, key)
	if err != nil {
		return 0, "", err
	}
	if got.sha256 != o.SHA256 {
		return 0, tampered(key, got.sha256, o.SHA256), nil
	}
	return 0, "", d.Journal.MarkVerified(ctx, key, etag, d.Now())
}

// compare reads an object that the journal does not know and notes it where it
// is what lies here.
func (d Deps) compare(ctx context.Context, key string, note state.BackupObject) (int64, string, error) {
	got, _, etag, err := d.Bucket.digestOfObject(ctx, key)
	if err != nil {
		return 0, "", err
	}
	if got.sha256 != note.SHA256 {
		return 0, tampered(key, got.sha256, note.SHA256), nil
	}
	note.ETag = etag
	return 0, "", d.Journal.AddBackupObject(ctx, note)
}

func tampered(key, got, want string) string {
	return fmt.Sprintf("object %s has SHA-256 %.12s, want %.12s: it was changed in the bucket. The file here stays; see docs/operations.md, 'An object was changed'", key, got, want)
}

const stateLayout = "2006/20060102T150405Z"

// bringState uploads a consistent copy of the state unless the newest one in
// the bucket is equal.
func (d Deps) bringState(ctx context.Context, st *state.Store, there map[string]object) (sent int64, err error) {
	dir, err := os.MkdirTemp("", "materia-backup-")
	if err != nil {
		return 0, fmt.Errorf("backup: state: %w", err)
	}
	defer os.RemoveAll(dir)
	plain, packed := filepath.Join(dir, "state.sqlite"), filepath.Join(dir, "state.sqlite.gz")
	if err := st.Snapshot(ctx, plain); err != nil {
		return 0, err
	}
	sha, err := pack(plain, packed)
	if err != nil {
		return 0, fmt.Errorf("backup: state: %w", err)
	}
	newest := newestState(there)
	if strings.HasSuffix(newest, "-"+sha[:12]+".sqlite.gz") {
		return 0, nil
	}
	sum, err := digestOfFile(packed)
	if err != nil {
		return 0, fmt.Errorf("backup: state: %w", err)
	}
	now := d.Now().UTC()
	key := "state/" + now.Format(stateLayout) + "-" + sha[:12] + ".sqlite.gz"
	note := state.BackupObject{Key: key, SHA256: sum.sha256, Bytes: sum.bytes, UploadedAt: now, VerifiedAt: now}
	if note.ETag, err = d.Bucket.put(ctx, key, packed, sum); err != nil && !errors.Is(err, errExists) {
		return 0, err
	}
	return sum.bytes, d.Journal.AddBackupObject(ctx, note)
}

// newestState is the newest copy's key, or empty: names sort by time.
func newestState(there map[string]object) (newest string) {
	for key := range there {
		if strings.HasPrefix(key, "state/") && key > newest {
			newest = key
		}
	}
	return newest
}

// pack compresses a file and returns the hash of what is in it.
func pack(from, to string) (sha string, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return "", err
	}
	h, z := sha256.New(), gzip.NewWriter(out)
	_, err = io.Copy(io.MultiWriter(h, z), in)
	if err = errors.Join(err, z.Close(), out.Close()); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
