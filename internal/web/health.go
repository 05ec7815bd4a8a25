package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// healthTimeout is short: a monitor that waits has its answer already.
const healthTimeout = 2 * time.Second

type healthAnswer struct {
	Status     string     `json:"status"` // ok or unavailable
	Reason     string     `json:"reason,omitempty"`
	Snapshot   string     `json:"snapshot,omitempty"`
	Origin     string     `json:"origin,omitempty"`
	ExportedAt *time.Time `json:"exported_at,omitempty"`
	Version    string     `json:"version,omitempty"`
}

// health answers 200 when a snapshot can be read this moment, else 503 with the
// reason. Old data is no fault of this process: /status tells of it.
func (s *site) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
	defer cancel()
	answer, status := healthAnswer{Status: "ok", Version: s.version}, http.StatusOK
	if err := s.readable(ctx, &answer); err != nil {
		answer = healthAnswer{Status: "unavailable", Reason: err.Error(), Version: s.version}
		status = http.StatusServiceUnavailable
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic("web: health answer: " + err.Error()) // plain strings and a time always marshal
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(body, '\n'))
	}
}

func (s *site) readable(ctx context.Context, a *healthAnswer) error {
	snap, err := s.reader.Acquire(ctx)
	if err != nil {
		return err
	}
	defer snap.Release()
	var rows int
	if err := snap.DB.QueryRowContext(ctx, "SELECT count(*) FROM serving.snapshot").Scan(&rows); err != nil {
		return err
	}
	at := snap.ExportedAt.UTC()
	a.Snapshot, a.Origin, a.ExportedAt = snap.ID, snap.Origin, &at
	return nil
}
