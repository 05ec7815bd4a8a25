package supervise

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/alert"
	"beanflows.coffee/materia/internal/state"
)

// TestStatusAndMetrics: after a good and a failed run both are told, by the
// status and by the scrape.
func TestStatusAndMetrics(t *testing.T) {
	s := newStage(t, strings.ReplaceAll(chain, "retries = 1", "retries = 0"))
	s.job = func(j Job, _ int) Outcome {
		if j.Workflow == "b" {
			return Outcome{Status: state.Failed, Message: "no route"}
		}
		return Outcome{Status: state.Success}
	}
	s.run(time.Minute)
	lock := filepath.Join(t.TempDir(), "lock")
	l, err := TakeLock(lock, june)
	must(t, err)
	defer l.Release()
	look := func(ctx context.Context) (Status, error) { return Look(ctx, s.journal, s.workflows, lock, s.now) }
	st, err := look(t.Context())
	must(t, err)
	if !st.Running || len(st.Workflows) != 4 || len(st.Conditions) != 1 || st.Conditions[0].Title != "b failed" || st.Unsent != 1 {
		t.Errorf("%+v", st)
	}
	b, a := st.Workflows[0], st.Workflows[1]
	if b.LastStatus != state.Failed || b.Message != "no route" || !b.LastGood.IsZero() || a.LastStatus != state.Success || a.LastGood.IsZero() ||
		!a.Next.Equal(time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC)) || st.Workflows[2].Name != Transform || st.Workflows[2].LastGood.IsZero() {
		t.Errorf("%+v", st.Workflows)
	}
	text, err := json.Marshal(st)
	must(t, err)
	if strings.Contains(string(text), "0001-01-01") {
		t.Errorf("a moment that never was is printed: %s", text)
	}

	h := Metrics{Look: look, Folders: []string{t.TempDir()}, Version: "v1"}.Handler()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`materia_supervisor_up{version="v1"} 1`,
		`materia_workflow_last_status{status="failed",workflow="b"} 1`,
		`materia_workflow_last_success_time_seconds{workflow="b"} 0`,
		`materia_workflow_next_slot_time_seconds{workflow="a"} 1.7803584e+09`, // 2026-06-02
		`materia_alert_open{key="failed/b",severity="error"} 1`,
		`materia_alert_messages_unsent 1`,
		`materia_backup_last_success_time_seconds 0`,
		"materia_disk_free_bytes", "go_goroutines", "process_open_fds",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	must(t, s.journal.Close())
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if !strings.Contains(w.Body.String(), `materia_supervisor_up{version="v1"} 0`) {
		t.Error("without a journal it is up")
	}
}

// TestBackupAge: a week without the bucket is one alert, and the next good
// backup ends it.
func TestBackupAge(t *testing.T) {
	j := openJournal(t)
	now := june
	clock := func() time.Time { return now }
	tending := Tending{Journal: j, Alerts: &alert.Desk{Journal: j, Now: clock}, Now: clock, Folders: []string{t.TempDir()}, Backup: true, BackupSince: june}
	titles := func() (list []string) {
		messages, err := j.Unsent(t.Context(), 0)
		must(t, err)
		for _, m := range messages {
			list = append(list, m.Title+": "+m.Body)
			must(t, j.MarkSent(t.Context(), now, m.ID))
		}
		return list
	}
	must(t, j.AddBackupRun(t.Context(), state.BackupRun{Kind: "run", StartedAt: now, FinishedAt: now, Status: state.Success}))
	var got []string
	for range 7 * 24 * 4 { // every quarter of an hour, a failed backup every six hours
		now = now.Add(15 * time.Minute)
		if now.Hour()%6 == 0 && now.Minute() == 0 {
			must(t, j.AddBackupRun(t.Context(), state.BackupRun{Kind: "run", StartedAt: now, FinishedAt: now, Status: state.Failed, Message: "connection refused"}))
		}
		tending.Look(t.Context())
		got = append(got, titles()...)
	}
	if len(got) != 1 || !strings.HasPrefix(got[0], "No backup for more than 13 hours") || !strings.Contains(got[0], "connection refused") {
		t.Errorf("a week without bucket: %q", got)
	}
	must(t, j.AddBackupRun(t.Context(), state.BackupRun{Kind: "run", StartedAt: now, FinishedAt: now, Status: state.Success}))
	tending.Look(t.Context())
	if got := titles(); len(got) != 1 || !strings.HasPrefix(got[0], "Over: No backup") {
		t.Errorf("after it: %q", got)
	}
}

func TestSpace(t *testing.T) {
	dir := t.TempDir()
	list, err := SpaceOf([]string{dir, filepath.Dir(dir)})
	must(t, err)
	if len(list) != 1 || list[0].FreeBytes <= 0 || list[0].FreeBytes > list[0].Bytes {
		t.Errorf("%+v", list)
	}
	if _, err := SpaceOf([]string{filepath.Join(dir, "nowhere")}); err == nil {
		t.Error("a missing folder has space")
	}
	for _, c := range []struct {
		s   Space
		low bool
	}{
		{Space{Bytes: 100 << 30, FreeBytes: 6 << 30, Inodes: 100, FreeInodes: 50}, false},
		{Space{Bytes: 100 << 30, FreeBytes: 4 << 30, Inodes: 100, FreeInodes: 50}, true},
		{Space{Bytes: 100 << 30, FreeBytes: 6 << 30, Inodes: 100, FreeInodes: 1}, true},
		{Space{Bytes: 8 << 30, FreeBytes: 1 << 29}, true},
		{Space{Bytes: 10 << 40, FreeBytes: 11 << 30}, false}, // btrfs and others count no inodes
	} {
		if c.s.Low() != c.low {
			t.Errorf("%+v: low %v", c.s, c.s.Low())
		}
	}
}

// TestNotify speaks to a socket as systemd's: READY once, and a WATCHDOG each
// time the loop advances.
func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	var n Notifier
	n.Progressed("waiting")
	n.Progressed("running psd")
	n.Stopping()
	for _, want := range []string{"READY=1", "WATCHDOG=1\nSTATUS=waiting", "WATCHDOG=1\nSTATUS=running psd", "STOPPING=1"} {
		b := make([]byte, 1000)
		k, err := l.Read(b)
		must(t, err)
		if got := string(b[:k]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestHeartbeat: at most one an interval, never two at once, and a receiver that
// hangs or refuses holds nothing up.
func TestHeartbeat(t *testing.T) {
	hang, asked := make(chan struct{}), make(chan struct{}, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-hang
		io.WriteString(w, "OK")
	}))
	defer srv.Close()
	h := &Heartbeat{URL: srv.URL, Log: slog.New(slog.DiscardHandler)}
	for range 1000 {
		h.Beat()
	}
	<-asked
	if len(asked) != 0 {
		t.Errorf("%d more at once", len(asked))
	}
	close(hang)
	waitFor(t, "the next beat", func() bool { h.Beat(); return len(asked) > 0 })
	(&Heartbeat{}).Beat() // no URL: nothing
}
