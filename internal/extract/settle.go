package extract

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// HTTPStatus tells of an error that is an answer of upstream's, neither 200 nor
// 304: its HTTP status and what its body says, at most its first 120 bytes. ok is
// false for an error of another kind.
func HTTPStatus(err error) (status int, says string, ok bool) {
	var answer *statusError
	if !errors.As(err, &answer) {
		return 0, "", false
	}
	return answer.status, answer.says, true
}

// StandIn says whether a stand-in on this machine answers, or quarantine: what
// protects a publisher (delays, budgets) is off then.
func (s *Session) StandIn() bool { return s.deps.kept != nil || s.deps.Client.loopback() }

// Wait waits between requests; the error is the context's cause.
func (s *Session) Wait(ctx context.Context, d time.Duration) error {
	return s.deps.Client.sleep(ctx, d)
}

// Settle notes that the answer to this URL is final, so that Settled says so in
// later runs. It is remembered with the validators, after the run's row: a crash
// before that costs a transfer.
func (s *Session) Settle(r *Response) {
	s.pending = append(s.pending, remembered{url: r.URL, status: http.StatusOK})
}

// Settled says whether an earlier run settled this URL.
func (s *Session) Settled(ctx context.Context, url string) (bool, error) {
	is, err := s.deps.State.Settled(ctx, url)
	if err != nil {
		return false, &stopError{err}
	}
	return is, nil
}
