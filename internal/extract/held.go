package extract

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/landing"
)

// Held is an answer in quarantine, with what is needed to judge it again.
type Held struct {
	Name         string    `json:"-"` // of the file in .quarantine
	Reason       string    `json:"-"`
	Released     bool      `json:"-"` // a decision lets it in
	Source       string    `json:"source"`
	URL          string    `json:"url"`
	SHA256       string    `json:"sha256"` // of the whole answer
	Bytes        int64     `json:"bytes"`  // of the whole answer; quarantine keeps at most the first 64 MiB
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"last_modified,omitempty"`
	ContentType  string    `json:"content_type,omitempty"`
	Origin       string    `json:"origin"`
	Window       Window    `json:"window"` // of the run that met it; Until is its day where it was given none
	Findings     []Finding `json:"findings,omitempty"`
}

// refusedMark begins the last line of a reason, which is for the machine.
const refusedMark = "materia: "

func (r *Response) refused(sha string) Held {
	w := r.session.window
	w.Until = cmp.Or(w.Until, r.session.Now().Truncate(24*time.Hour))
	return Held{Source: r.session.source.Name, URL: r.URL, SHA256: sha, Bytes: r.Size, ETag: r.Validators.ETag,
		LastModified: r.Validators.LastModified, ContentType: r.ContentType, Origin: r.session.origin, Window: w, Findings: r.findings}
}

// Quarantined lists what was refused, the oldest first; a source of "" stands for
// all. What another program put there, or what has no machine's line, is listed
// with its name and reason alone.
func Quarantined(z *landing.Zone, source string) ([]Held, error) {
	dir := filepath.Join(z.Root(), ".quarantine")
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list quarantine: %w", err)
	}
	released := map[string]map[string]bool{}
	var list []Held
	for _, f := range files {
		name, isReason := strings.CutSuffix(f.Name(), ".reason.txt")
		if !isReason {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("list quarantine: %w", err)
		}
		q := parseRefused(string(text))
		q.Name = name
		if source != "" && q.Source != source {
			continue
		}
		if released[q.Source] == nil && q.Source != "" {
			released[q.Source] = map[string]bool{}
			decisions, err := z.Decisions(q.Source)
			if err != nil {
				return nil, err
			}
			for _, d := range decisions {
				if d.Action == landing.Release {
					released[q.Source][d.SHA256] = true
				}
			}
		}
		q.Released = released[q.Source][q.SHA256]
		list = append(list, q)
	}
	return list, nil
}

func parseRefused(text string) Held {
	text = strings.TrimRight(text, "\n")
	var q Held
	reason, last := "", text
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		reason, last = text[:i], text[i+1:]
	}
	if line, ok := strings.CutPrefix(last, refusedMark); ok && json.Unmarshal([]byte(line), &q) == nil {
		q.Reason = reason
		return q
	}
	return Held{Reason: text}
}

// Decide records an operator's decision under the source's lock, after bringing
// the zone in order.
func Decide(ctx context.Context, d Deps, decision landing.Decision) (done landing.Decision, err error) {
	lock, err := d.Zone.Lock(ctx, decision.Source, d.LockWait)
	if err != nil {
		return decision, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if _, err := d.Zone.Recover(decision.Source); err != nil {
		return decision, err
	}
	return d.Zone.Decide(decision)
}

// ReleaseRefused lets an answer out of quarantine: it records the decision and runs the
// source on what was kept, without asking upstream. What the source cannot read at
// all stays refused.
func ReleaseRefused(ctx context.Context, d Deps, src Source, q Held, by, why string) (Result, error) {
	path := filepath.Join(d.Zone.Root(), ".quarantine", q.Name)
	info, err := os.Stat(path)
	switch {
	case q.URL == "" || q.Source != src.Name:
		return Result{Source: src.Name}, fmt.Errorf("release %s: its reason does not say which answer of %s this is", q.Name, src.Name)
	case err != nil:
		return Result{Source: src.Name}, fmt.Errorf("release %s: %w", q.Name, err)
	case info.Size() != q.Bytes:
		return Result{Source: src.Name}, fmt.Errorf("release %s: only the first %d of %d bytes were kept", q.Name, info.Size(), q.Bytes)
	}
	decision := landing.Decision{Source: src.Name, Action: landing.Release, SHA256: q.SHA256, By: by, Why: why, Detail: q.Name}
	if _, err := Decide(ctx, d, decision); err != nil {
		return Result{Source: src.Name}, err
	}
	k := &kept{Held: q, path: path, same: src.SameRequest}
	if k.same == nil {
		k.same = func(a, b string) bool { return a == b }
	}
	d.kept, d.Log = k, slog.New(slog.DiscardHandler) // sources tell what they will ask for
	// A source's own default window has moved since, by days or by what landed. The
	// whole history holds the answer, and the others are not asked.
	w := q.Window
	w.Since = cmp.Or(w.Since, wholeHistory())
	res, err := Run(ctx, d, src, w)
	if err == nil && !k.asked {
		err = fmt.Errorf("release %s: %s no longer asks for %s", q.Name, src.Name, q.URL)
	}
	return res, err
}

// wholeHistory is before anything that a source asks for.
func wholeHistory() time.Time { return time.Date(1900, time.January, 1, 0, 0, 0, 0, time.UTC) }

// kept stands in for upstream while refused content is judged again.
type kept struct {
	Held
	path  string
	same  func(a, b string) bool
	asked bool
}

// errNotAsked answers every other URL. To a source it is a 404, which ends no run.
var errNotAsked = notAsked{}

type notAsked struct{}

func (notAsked) Error() string        { return "not asked: only what was released is judged" }
func (notAsked) Is(target error) bool { return target == ErrNotFound }

// replay answers from quarantine.
func (k *kept) replay(r *Response) (*Response, error) {
	if !k.same(k.URL, r.URL) {
		return nil, r.error(errNotAsked)
	}
	if err := r.session.checkOrigin(k.Origin); err != nil {
		return nil, r.error(err)
	}
	f, err := os.Open(k.path)
	if err != nil {
		return nil, &stopError{r.error(err)}
	}
	k.asked = true
	h := http.Header{}
	h.Set("Last-Modified", k.LastModified)
	r.URL, r.file, r.Size, r.ContentType = k.URL, f, k.Bytes, k.ContentType
	r.Validators = landing.Validators{ETag: k.ETag, LastModified: k.LastModified}
	r.Released = released(h, r.session.Now())
	if sha, err := r.hash(); err != nil || sha != k.SHA256 {
		r.Close()
		return nil, &stopError{r.error(errors.Join(err, errors.New("what quarantine keeps is not what was refused")))}
	}
	return r, nil
}

// machineLine is the part of a reason that Quarantined reads.
func (q Held) machineLine() string {
	var b bytes.Buffer
	b.WriteString(refusedMark)
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(q); err != nil {
		return ""
	}
	return b.String()
}
