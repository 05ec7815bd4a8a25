package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/state"
)

// Formats of the webhook.
const (
	Ntfy = "ntfy" // text body, title and priority as headers, as ntfy.sh takes it
	JSON = "json" // one object; text and content are what Slack, Mattermost and Discord show
)

// Sender delivers the outbox. One runs at a time: the supervisor's.
type Sender struct {
	Journal *state.Journal
	URL     string // empty: nothing is sent and the outbox waits
	Format  string // Ntfy or JSON
	Log     *slog.Logger
	Now     func() time.Time // wall

	MaxPerDay int           // further messages wait and go out as one; 0: 30
	First     time.Duration // wait after a failed try, doubling; 0: 30 s
	Longest   time.Duration // 0: 1 h
	Client    *http.Client  // nil: one with a limit of 15 s

	wake chan struct{}
}

// NewSender returns a sender of the journal's outbox to a webhook. A URL that
// cannot be one is an error that does not repeat it.
func NewSender(j *state.Journal, webhook, format string, log *slog.Logger, now func() time.Time) (*Sender, error) {
	if webhook != "" {
		if u, err := url.Parse(webhook); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return nil, errors.New("alert: ALERT_WEBHOOK_URL: want an http(s) URL, such as https://ntfy.sh/your-topic")
		}
	}
	switch format {
	case "":
		format = Ntfy
	case Ntfy, JSON:
	default:
		return nil, fmt.Errorf("alert: ALERT_WEBHOOK_FORMAT %q: want %s or %s", format, Ntfy, JSON)
	}
	return &Sender{Journal: j, URL: webhook, Format: format, Log: log, Now: now, wake: make(chan struct{}, 1)}, nil
}

// Wake makes Run look at the outbox now.
func (s *Sender) Wake() {
	select {
	case s.wake <- struct{}{}:
	default: // it is awake
	}
}

const lookEvery = time.Minute

// Run delivers until ctx ends.
func (s *Sender) Run(ctx context.Context) {
	if s.URL == "" {
		return
	}
	failures := 0
	for {
		after, err := s.Deliver(ctx)
		wait := lookEvery
		if err != nil {
			failures++
			wait = max(after, s.backoff(failures))
			s.Log.Warn("alert not sent", "err", err, "again_in", wait.Round(time.Second))
		} else {
			failures = 0
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		case <-s.wakeUnless(err != nil):
			t.Stop()
		}
	}
}

// wakeUnless is the wake-up call, or nothing while a failed try is waited for:
// news must not make a receiver that refused us refuse more.
func (s *Sender) wakeUnless(waiting bool) <-chan struct{} {
	if waiting {
		return nil
	}
	return s.wake
}

func (s *Sender) backoff(failures int) time.Duration {
	first, longest := s.First, s.Longest
	if first == 0 {
		first = 30 * time.Second
	}
	if longest == 0 {
		longest = time.Hour
	}
	d := min(longest, first<<min(failures-1, 20))
	return d/2 + rand.N(d/2+1)
}

// A message is given up after this many tries that the receiver itself refused,
// and, however it fails, when it is this old.
const (
	maxRefusals = 5
	maxAge      = 14 * 24 * time.Hour
)

// Deliver sends what is in the outbox once, oldest first, until the first
// failure. after is what the receiver asked to wait.
func (s *Sender) Deliver(ctx context.Context) (after time.Duration, err error) {
	list, err := s.Journal.Unsent(ctx, 0)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	limit := s.MaxPerDay
	if limit == 0 {
		limit = 30
	}
	sent, err := s.Journal.SentSince(ctx, s.Now().Add(-24*time.Hour))
	if err != nil {
		return 0, err
	}
	for i, m := range list {
		if sent >= limit {
			return 0, nil // they wait for tomorrow
		}
		if sent == limit-1 && len(list)-i > 1 {
			return s.deliverRest(ctx, list[i:])
		}
		if after, err := s.deliver(ctx, m, m.ID); err != nil {
			return after, err
		}
		sent++
	}
	return 0, nil
}

// deliverRest sends what is beyond the cap as one message.
func (s *Sender) deliverRest(ctx context.Context, rest []state.Message) (time.Duration, error) {
	m := state.Message{ID: rest[0].ID, Key: "many", Kind: state.AlertMessage, Severity: Error, CreatedAt: rest[0].CreatedAt,
		Title: fmt.Sprintf("%d more alerts; the limit of a day is reached", len(rest))}
	ids := make([]int64, 0, len(rest))
	var b strings.Builder
	for _, r := range rest {
		ids = append(ids, r.ID)
		if b.Len() < bodyBytes/2 {
			fmt.Fprintf(&b, "%s\n", r.Title)
		}
	}
	m.Body = b.String() + "materia supervisor status shows all that is wrong."
	return s.deliver(ctx, m, ids...)
}

func (s *Sender) deliver(ctx context.Context, m state.Message, ids ...int64) (after time.Duration, err error) {
	refused, after, err := s.post(ctx, m)
	if err == nil {
		return 0, s.Journal.MarkSent(context.WithoutCancel(ctx), s.Now(), ids...)
	}
	drop := refused && m.Attempts+1 >= maxRefusals || s.Now().Sub(m.CreatedAt) > maxAge
	for _, id := range ids {
		if merr := s.Journal.MarkTried(context.WithoutCancel(ctx), id, err.Error(), drop, s.Now()); merr != nil {
			return after, errors.Join(err, merr)
		}
	}
	return after, err
}

// post sends one message. refused says that the receiver will not take it,
// however often it is asked.
func (s *Sender) post(ctx context.Context, m state.Message) (refused bool, after time.Duration, err error) {
	req, err := s.request(ctx, m)
	if err != nil {
		return true, 0, errors.New("alert: the webhook's URL makes no request")
	}
	client := s.Client
	if client == nil {
		client = &http.Client{Timeout: 15 * time.Second}
	}
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the URL
		}
		return false, 0, fmt.Errorf("alert: post: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	switch code := resp.StatusCode; {
	case code/100 == 2:
		return false, 0, nil
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code/100 == 5:
		return false, retryAfter(resp.Header.Get("Retry-After"), s.Now()), fmt.Errorf("alert: post: HTTP %d", code)
	default:
		return true, 0, fmt.Errorf("alert: post: HTTP %d", code)
	}
}

func (s *Sender) request(ctx context.Context, m state.Message) (*http.Request, error) {
	host, _ := os.Hostname()
	if s.Format == JSON {
		text := m.Title + "\n" + m.Body
		body, err := json.Marshal(map[string]any{"key": m.Key, "kind": m.Kind, "severity": m.Severity, "title": m.Title, "body": m.Body,
			"at": m.CreatedAt.UTC().Format(time.RFC3339), "host": host, "text": text, "content": text})
		if err != nil {
			return nil, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
		if err == nil {
			req.Header.Set("Content-Type", "application/json")
		}
		return req, err
	}
	body := m.Body + "\n" + m.CreatedAt.UTC().Format("2006-01-02 15:04 UTC") + ", " + host
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Title", mime.QEncoding.Encode("utf-8", strings.Join(strings.Fields(m.Title), " "))) // plain where it is ASCII
	priority, tag := "3", "information_source"
	switch {
	case m.Kind == state.RecoveryMessage:
		tag = "white_check_mark"
	case m.Severity == Error:
		priority, tag = "4", "rotating_light"
	case m.Severity == Warning:
		tag = "warning"
	}
	req.Header.Set("Priority", priority)
	req.Header.Set("Tags", tag)
	return req, nil
}

// retryAfter reads the header in either form, at most an hour.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return min(time.Hour, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(time.Hour, at.Sub(now)))
	}
	return 0
}

func validUTF8(s string) string { return strings.ToValidUTF8(s, "") }
