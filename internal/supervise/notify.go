package supervise

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Notifier tells systemd (Type=notify) what the supervisor does. Outside of
// systemd it does nothing.
type Notifier struct {
	once sync.Once
}

// Progressed says that the loop advanced: READY the first time, and WATCHDOG
// always. Nothing else feeds the watchdog: no timer, no goroutine of its own.
func (n *Notifier) Progressed(doing string) {
	n.once.Do(func() { _, _ = daemon.SdNotify(false, daemon.SdNotifyReady) })
	_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog+"\nSTATUS="+doing)
}

// Stopping says that the supervisor ends on purpose.
func (n *Notifier) Stopping() { _, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) }

// Heartbeat asks an outside dead-man check's URL each time the loop has
// advanced, at most once an interval. What the outside does when it hears
// nothing is its own; nothing that can fail here knows it.
type Heartbeat struct {
	URL   string // empty: none
	Every time.Duration
	Log   *slog.Logger

	mu   sync.Mutex
	last time.Time
	busy bool
}

// Beat sends a heartbeat in the background if one is due.
func (h *Heartbeat) Beat() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.URL == "" || h.busy || !h.last.IsZero() && time.Since(h.last) < h.Every {
		return
	}
	h.busy, h.last = true, time.Now()
	go func() {
		if err := h.get(); err != nil {
			h.Log.Warn("heartbeat not delivered", "err", err)
		}
		h.mu.Lock()
		h.busy = false
		h.mu.Unlock()
	}()
}

func (h *Heartbeat) get() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return errBeat{"HEARTBEAT_URL is no URL"}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return errBeat{"no answer"} // without the URL, which is a secret
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return errBeat{resp.Status}
	}
	return nil
}

type errBeat struct{ text string }

func (e errBeat) Error() string { return "supervise: heartbeat: " + e.text }
