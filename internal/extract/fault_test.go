package extract

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// TestFaultNoConnection: neither a handshake nor a connection that hangs holds a
// run longer than its deadline.
func TestFaultNoConnection(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, c := range map[string]struct{ upstream, says string }{
		"TLS that never answers": {"https://" + silent.Addr().String(), "TLS handshake timeout"},
		"a full backlog":         {"http://" + deaf(t), "i/o timeout"},
	} {
		a := ask(t, Limits{}, nil)
		client := NewClient(ClientOptions{Upstream: c.upstream, Limits: Limits{Connect: 50 * time.Millisecond, Tries: 2},
			Sleep: func(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }})
		_, err := client.fetch(t.Context(), request{url: source}, a.spool)
		var transfer *transferError
		if err == nil || !strings.Contains(err.Error(), c.says) || !errors.As(err, &transfer) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// deaf is the address of a listener whose queue is full: the kernel drops what
// knocks.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		err = syscall.Listen(fd, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 8 {
		c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Skip("SKIPPED: this kernel's queue of connections never fills")
	return ""
}

// TestFaultDiskAlmostFull: a run that has no room does not begin to ask.
func TestFaultDiskAlmostFull(t *testing.T) {
	asked := false
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) { asked = true; echo(w, r) })
	b.deps.FreeBytes = 1 << 60
	res, row, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error { return land(ctx, s, "a") })
	if err == nil || !strings.Contains(err.Error(), "MB free, fewer than the") || asked || res.Status != state.Failed || row.Status != state.Failed || row.FinishedAt.IsZero() {
		t.Errorf("%+v, row %+v, %v, asked %v", res, row, err, asked)
	}
	b.deps.FreeBytes = 1
	if res, _, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error { return land(ctx, s, "a") }); err != nil || len(res.Landed) != 1 {
		t.Errorf("with room again: %+v, %v", res, err)
	}
}

// TestFaultPermissionLost: a zone that cannot be written fails with the folder's
// name and lands nothing.
func TestFaultPermissionLost(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("as root every folder can be written: the folder is a file instead")
	}
	b := newBench(t, echo)
	if err := os.WriteFile(filepath.Join(b.deps.Zone.Root(), "test"), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	res, row, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error { return land(ctx, s, "a") })
	if err == nil || len(res.Landed) != 0 || row.Status != state.Failed || !strings.Contains(row.Error, "/test") {
		t.Errorf("%+v, row %+v, %v", res, row, err)
	}
}

// TestFaultNothingNewReadsNoHistory: a run that finds nothing new asks one
// conditional request and opens no manifest: they are no JSON any more here, so
// whoever read one would fail.
func TestFaultNothingNewReadsNoHistory(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"one"`)
		if r.Header.Get("If-None-Match") == `"one"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		echo(w, r)
	}
	asked := 0
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) { asked++; h(w, r) })
	conditional := func(ctx context.Context, s *Session, _ Window) error {
		r, err := s.Get(ctx, "https://data.example/a", GetOptions{Conditional: true})
		if err != nil {
			return err
		}
		defer r.Close()
		if r.NotModified {
			s.Unchanged(r)
			return nil
		}
		body, err := r.Bytes(1 << 20)
		if err != nil {
			return err
		}
		d, err := s.NewDraft(".txt.gz")
		if err != nil {
			return err
		}
		defer d.Discard()
		d.Write(body)
		_, err = s.Land(ctx, d, landing.Entry{Path: "test/a.txt.gz", Rows: 1}, r)
		return err
	}
	if _, _, err := b.run(t.Context(), conditional); err != nil {
		t.Fatal(err)
	}
	manifests, err := filepath.Glob(filepath.Join(b.deps.Zone.Root(), ".manifest", "*", "*.jsonl"))
	if err != nil || len(manifests) != 1 {
		t.Fatalf("%q, %v", manifests, err)
	}
	os.Chmod(manifests[0], 0o644)
	if err := os.WriteFile(manifests[0], []byte("no JSON\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	asked = 0
	res, _, err := b.run(t.Context(), conditional)
	if err != nil || res.Status != state.Unchanged || asked != 1 {
		t.Errorf("%+v, %v, asked %d times", res, err, asked)
	}
}

func TestProgressTellsTimeLeft(t *testing.T) {
	for _, c := range []struct {
		done, all int
		took      time.Duration
		want      string
	}{
		{0, 10, 0, "0 of 10 months, landed 3"},
		{10, 240, 50 * time.Second, "10 of 240 months, landed 3, about 19m10s left"},
		{10, 10, 50 * time.Second, "10 of 10 months, landed 3"},
		{9, 10, 9 * time.Millisecond, "9 of 10 months, landed 3, about 1s left"},
	} {
		if got := progress(c.done, c.all, "months", 3, c.took); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
