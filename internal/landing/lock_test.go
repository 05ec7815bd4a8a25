package landing

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// holdLock is the other process of TestLockNamesHolder.
func holdLock(root string) {
	z, err := Open(root, Options{Now: at(noon)})
	if err == nil {
		_, err = z.Lock(context.Background(), "psd", 0)
	}
	fmt.Println("locked", err)
	time.Sleep(time.Minute)
	runtime.KeepAlive(z)
}

func TestLockNamesHolder(t *testing.T) {
	root := t.TempDir()
	cmd := exec.Command(os.Args[0], "pipeline", "run", "extract_psd")
	cmd.Env = append(os.Environ(), "LANDING_TEST_ROLE=hold", "LANDING_TEST_ROOT="+root)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "locked <nil>\n" {
		t.Fatalf("the other process says %q", line)
	}

	z, err := Open(root, Options{Now: at(noon)})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = z.Lock(t.Context(), "psd", 300*time.Millisecond)
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("second lock: %v, want a LockedError", err)
	}
	if waited := time.Since(start); waited < 200*time.Millisecond || waited > 5*time.Second {
		t.Errorf("waited %v for 300 ms", waited)
	}
	h := locked.Holder
	if h.PID != cmd.Process.Pid || !strings.HasSuffix(h.Command, "pipeline run extract_psd") || !h.Since.Equal(noon) {
		t.Errorf("holder %+v, want pid %d", h, cmd.Process.Pid)
	}
	if !strings.Contains(err.Error(), fmt.Sprint("pid ", cmd.Process.Pid)) {
		t.Errorf("message names no pid: %v", err)
	}

	// Another source is free meanwhile.
	other, err := z.Lock(t.Context(), "prices", 0)
	if err != nil {
		t.Fatalf("another source's lock: %v", err)
	}
	if err := other.Unlock(); err != nil {
		t.Fatal(err)
	}

	// A waiter gets the lock when the holder dies, however it dies.
	time.AfterFunc(100*time.Millisecond, func() { cmd.Process.Kill(); cmd.Wait() })
	l, err := z.Lock(t.Context(), "psd", 20*time.Second)
	if err != nil {
		t.Fatalf("lock after the holder died: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := l.Unlock(); err != nil {
		t.Errorf("second Unlock: %v", err)
	}
}

func TestLockWithinOneProcess(t *testing.T) {
	root := t.TempDir()
	a, _ := Open(root, Options{Now: at(noon)})
	b, _ := Open(root, Options{Now: at(noon)})
	la, err := a.Lock(t.Context(), "psd", 0)
	if err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, err := b.Lock(t.Context(), "psd", 0); !errors.As(err, &locked) || locked.Holder.PID != os.Getpid() {
		t.Errorf("a second zone in this process: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Lock(ctx, "psd", time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled wait: %v", err)
	}
	if err := la.Unlock(); err != nil {
		t.Fatal(err)
	}
	lb, err := b.Lock(t.Context(), "psd", 0)
	if err != nil {
		t.Fatalf("after unlock: %v", err)
	}
	lb.Unlock()
	if _, err := a.Lock(t.Context(), "../psd", 0); err == nil {
		t.Error("a path was taken for a source")
	}
}

func TestWritingNeedsTheLock(t *testing.T) {
	z, _ := Open(t.TempDir(), Options{Now: at(noon)})
	if _, err := z.Begin("psd", NewRunID("psd", noon)); err == nil {
		t.Error("Begin without the lock")
	}
	if _, err := z.Recover("psd"); err == nil {
		t.Error("Recover without the lock")
	}
	l, err := z.Lock(t.Context(), "psd", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Unlock()
	if _, err := z.Begin("psd", NewRunID("prices", noon)); err == nil {
		t.Error("Begin with another source's run id")
	}
	if _, err := z.Begin("psd", "../../etc"); err == nil {
		t.Error("Begin with a path as run id")
	}
}
