// Package alert tells a person that something needs them: what is wrong becomes
// a condition and one message, its end another. Raising writes a row into the
// journal's outbox and returns; a Sender delivers the rows in the background,
// through outages, restarts and refusals of the receiver.
//
// It must never block or fail the work that it reports on, never send the same
// condition twice while it lasts, never send more than its cap, and never print
// the webhook's URL, which is a secret.
package alert

import (
	"context"
	"log/slog"
	"time"

	"beanflows.coffee/materia/internal/state"
)

// Severities, as stored and sent.
const (
	Info    = "info"
	Warning = "warning"
	Error   = "error"
)

// Desk takes in what is wrong. Its methods never fail: what cannot be written
// down is logged.
type Desk struct {
	Journal *state.Journal
	Log     *slog.Logger // nil: silent
	Now     func() time.Time
	Wake    func() // tells the Sender that there is work; nil: it looks by itself
}

const bodyBytes = 2 << 10

// Raise opens the condition key, or counts it where it is open already. Only
// the first makes a message.
func (d *Desk) Raise(ctx context.Context, key, severity, title, body string) {
	opened, err := d.Journal.OpenCondition(context.WithoutCancel(ctx), state.Condition{
		Key: key, Severity: severity, Title: title, Body: shorten(body), OpenedAt: d.Now()})
	d.done("raise", key, opened, err)
	if opened {
		d.log().Warn("alert", "key", key, "title", title, "body", shorten(body))
	}
}

// Resolve ends the condition key where it is open, with a message that says so.
func (d *Desk) Resolve(ctx context.Context, key, body string) {
	closed, err := d.Journal.CloseCondition(context.WithoutCancel(ctx), key, body, d.Now())
	d.done("resolve", key, closed, err)
	if closed {
		d.log().Info("alert is over", "key", key)
	}
}

// Notice sends one message about something that has no end.
func (d *Desk) Notice(ctx context.Context, key, severity, title, body string) {
	err := d.Journal.Enqueue(context.WithoutCancel(ctx), state.Message{
		Key: key, Kind: state.NoticeMessage, Severity: severity, Title: title, Body: shorten(body), CreatedAt: d.Now()})
	d.done("notice", key, true, err)
	d.log().Warn("notice", "key", key, "title", title, "body", shorten(body))
}

func (d *Desk) done(what, key string, news bool, err error) {
	if err != nil {
		d.log().Error("alert could not be written down", "what", what, "key", key, "err", err)
	}
	if news && d.Wake != nil {
		d.Wake()
	}
}

func (d *Desk) log() *slog.Logger {
	if d.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return d.Log
}

// shorten keeps the beginning and the end of a long text: the end of a log has
// the reason.
func shorten(s string) string {
	if len(s) <= bodyBytes {
		return s
	}
	half := bodyBytes / 2
	return validUTF8(s[:half]) + "\n[...]\n" + validUTF8(s[len(s)-half:])
}
