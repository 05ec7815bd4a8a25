package alert

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/state"
)

var noon = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)

// receiver is a webhook that answers as told and keeps what it took.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(n int) (status int, retryAfter string)
	asked  int
	took   []*http.Request
	bodies []string
}

func listen(t *testing.T, answer func(n int) (int, string)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		status, after := r.answer(r.asked)
		r.asked++
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		if status == http.StatusOK {
			r.took, r.bodies = append(r.took, req), append(r.bodies, string(body))
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func fine(int) (int, string) { return http.StatusOK, "" }

func (r *receiver) titles() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.took {
		list = append(list, q.Header.Get("Title"))
	}
	return list
}

// office is a desk and a sender on one journal, with a clock of its own.
func office(t *testing.T, url, format string) (*Desk, *Sender, *time.Time) {
	t.Helper()
	j, err := state.OpenJournal(filepath.Join(t.TempDir(), ".journal.sqlite"))
	must(t, err)
	t.Cleanup(func() { j.Close() })
	now := noon
	clock := func() time.Time { return now }
	s, err := NewSender(j, url, format, slog.New(slog.DiscardHandler), clock)
	must(t, err)
	return &Desk{Journal: j, Now: clock, Wake: s.Wake}, s, &now
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestOneAlertAndItsEnd: a condition that is raised a hundred times is one
// message, its end another, and after that it may come again.
func TestOneAlertAndItsEnd(t *testing.T) {
	r := listen(t, fine)
	d, s, _ := office(t, r.URL, Ntfy)
	ctx := t.Context()
	for range 100 {
		d.Raise(ctx, "failed/psd", Error, "psd failed", "HTTP 503")
	}
	deliver(t, s)
	d.Resolve(ctx, "failed/psd", "psd works again")
	d.Resolve(ctx, "failed/psd", "psd works again")
	d.Resolve(ctx, "never/raised", "")
	deliver(t, s)
	d.Raise(ctx, "failed/psd", Error, "psd failed", "HTTP 503")
	deliver(t, s)
	if got := fmt.Sprint(r.titles()); got != "[psd failed Over: psd failed psd failed]" {
		t.Errorf("sent %s", got)
	}
	if q := r.took[0]; q.Header.Get("Priority") != "4" || q.Header.Get("Tags") != "rotating_light" || !strings.HasPrefix(r.bodies[0], "HTTP 503\n2026-02-01 12:00 UTC") {
		t.Errorf("the first: %v %q", q.Header, r.bodies[0])
	}
}

func deliver(t *testing.T, s *Sender) {
	t.Helper()
	if _, err := s.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestOverBeforeSent: what ends before anybody could be told is not told.
func TestOverBeforeSent(t *testing.T) {
	r := listen(t, fine)
	d, s, _ := office(t, r.URL, Ntfy)
	d.Raise(t.Context(), "disk", Error, "full", "")
	d.Resolve(t.Context(), "disk", "space again")
	deliver(t, s)
	if r.asked != 0 {
		t.Errorf("asked %d times", r.asked)
	}
}

// TestRetries: refusals for the moment keep the message, ask to wait as long as
// the receiver says, and are followed by delivery in order.
func TestRetries(t *testing.T) {
	answers := []struct {
		status int
		after  string
	}{{429, "120"}, {503, noon.Add(5 * time.Minute).Format(http.TimeFormat)}, {429, "999999"}, {500, ""}, {200, ""}, {200, ""}}
	r := listen(t, func(n int) (int, string) { return answers[n].status, answers[n].after })
	d, s, _ := office(t, r.URL, Ntfy)
	d.Raise(t.Context(), "a", Error, "first", "")
	d.Raise(t.Context(), "b", Error, "second", "")
	for i, want := range []time.Duration{2 * time.Minute, 5 * time.Minute, time.Hour, 0} {
		if after, err := s.Deliver(t.Context()); err == nil || after != want {
			t.Errorf("answer %d: wait %s, %v; want %s", i, after, err, want)
		}
	}
	deliver(t, s)
	if got := fmt.Sprint(r.titles()); got != "[first second]" {
		t.Errorf("sent %s", got)
	}
}

// TestRefusedForGood: a message that the receiver will never take does not stop
// those behind it for ever.
func TestRefusedForGood(t *testing.T) {
	r := listen(t, func(n int) (int, string) {
		if n < maxRefusals {
			return http.StatusRequestEntityTooLarge, ""
		}
		return http.StatusOK, ""
	})
	d, s, _ := office(t, r.URL, Ntfy)
	d.Raise(t.Context(), "a", Error, "first", "")
	d.Raise(t.Context(), "b", Error, "second", "")
	for range maxRefusals {
		if _, err := s.Deliver(t.Context()); err == nil {
			t.Fatal("no error")
		}
	}
	deliver(t, s)
	if got := fmt.Sprint(r.titles()); got != "[second]" {
		t.Errorf("sent %s", got)
	}
}

// TestCap: beyond the limit of a day everything else is one message, and the
// next day is free again.
func TestCap(t *testing.T) {
	r := listen(t, fine)
	d, s, now := office(t, r.URL, Ntfy)
	s.MaxPerDay = 5
	for i := range 40 {
		d.Raise(t.Context(), fmt.Sprint("k", i), Error, fmt.Sprint("alert ", i), "")
	}
	deliver(t, s)
	titles := r.titles()
	if len(titles) != 5 || titles[4] != "36 more alerts; the limit of a day is reached" {
		t.Fatalf("sent %q", titles)
	}
	d.Notice(t.Context(), "late", Warning, "late", "")
	deliver(t, s)
	if n := len(r.titles()); n != 5 {
		t.Errorf("%d sent on the first day", n)
	}
	*now = now.Add(25 * time.Hour)
	deliver(t, s)
	if titles := r.titles(); len(titles) != 6 || titles[5] != "late" {
		t.Errorf("on the next day: %q", titles)
	}
}

func TestJSONWebhook(t *testing.T) {
	r := listen(t, fine)
	d, s, _ := office(t, r.URL, JSON)
	d.Notice(t.Context(), "clock", Warning, "The clock jumped", "by 1h")
	deliver(t, s)
	var got map[string]string
	must(t, json.Unmarshal([]byte(r.bodies[0]), &got))
	if got["title"] != "The clock jumped" || got["kind"] != "notice" || got["severity"] != "warning" || got["at"] != "2026-02-01T12:00:00Z" ||
		got["text"] != got["content"] || !strings.Contains(got["text"], "by 1h") || r.took[0].Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", got)
	}
}

// TestURLIsSecret: neither an error nor the outbox repeats the webhook's URL.
func TestURLIsSecret(t *testing.T) {
	r := listen(t, fine)
	r.Close()
	d, s, _ := office(t, r.URL+"/topic-nobody-may-know", Ntfy)
	d.Raise(t.Context(), "a", Error, "first", "")
	_, err := s.Deliver(t.Context())
	if err == nil || strings.Contains(err.Error(), "nobody-may-know") {
		t.Errorf("error %v", err)
	}
	left, uerr := d.Journal.Unsent(t.Context(), 0)
	must(t, uerr)
	if len(left) != 1 || left[0].Attempts != 1 || left[0].LastError == "" || strings.Contains(left[0].LastError, "nobody-may-know") {
		t.Errorf("outbox %+v", left)
	}
	for _, bad := range []string{"topic-nobody-may-know", "ftp://x/nobody-may-know", "https://%zz/nobody-may-know"} {
		if _, err := NewSender(nil, bad, "", nil, nil); err == nil || strings.Contains(err.Error(), "nobody-may-know") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := NewSender(nil, "", "xml", nil, nil); err == nil {
		t.Error("format xml was accepted")
	}
}

// TestRunDelivers: a running sender delivers what is raised at once, and what a
// sender before it left behind.
func TestRunDelivers(t *testing.T) {
	r := listen(t, func(n int) (int, string) {
		if n == 0 {
			return 503, ""
		}
		return 200, ""
	})
	d, s, _ := office(t, r.URL, Ntfy)
	s.First = time.Millisecond
	d.Raise(t.Context(), "left", Error, "left behind", "")
	go s.Run(t.Context())
	waitFor(t, func() bool { return len(r.titles()) == 1 })
	d.Raise(t.Context(), "new", Error, "new", "")
	waitFor(t, func() bool { return len(r.titles()) == 2 })
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("waited a minute")
		}
	}
}

// TestLongBody keeps the head and the end of what a child printed.
func TestLongBody(t *testing.T) {
	long := "begin " + strings.Repeat("é", 5000) + " the reason"
	got := shorten(long)
	if len(got) > bodyBytes+10 || !strings.HasPrefix(got, "begin ") || !strings.HasSuffix(got, "the reason") || strings.Contains(got, "\ufffd") {
		t.Errorf("%d bytes", len(got))
	}
}
