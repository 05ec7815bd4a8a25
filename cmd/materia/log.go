package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// plainHandler writes a log record as a line for people: the source first, then
// the message, then what belongs to it. Services use --log-format json.
type plainHandler struct {
	w     io.Writer
	mu    *sync.Mutex
	level slog.Level
	lead  string // "psd: "
	attrs string
}

func newLock() *sync.Mutex { return &sync.Mutex{} }

func (h *plainHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *plainHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	switch {
	case r.Level >= slog.LevelError:
		b.WriteString("ERROR ")
	case r.Level >= slog.LevelWarn:
		b.WriteString("WARNING ")
	}
	b.WriteString(h.lead + r.Message + h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(plainAttr(a))
		return true
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := fmt.Fprintln(h.w, b.String())
	return err
}

func (h *plainHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	for _, a := range attrs {
		if a.Key == "source" {
			next.lead += a.Value.String() + ": "
			continue
		}
		next.attrs += plainAttr(a)
	}
	return &next
}

// WithGroup keeps keys as they are: nothing here has groups.
func (h *plainHandler) WithGroup(string) slog.Handler { return h }

func plainAttr(a slog.Attr) string {
	v := a.Value.Resolve().String()
	if a.Key == "path" {
		return " " + v
	}
	if strings.ContainsAny(v, " \t\n\"") {
		v = fmt.Sprintf("%q", v)
	}
	return " " + a.Key + "=" + v
}
