package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"
)

var (
	errTotal    = errors.New("the time limit of one request and its retries is over")
	errStalled  = errors.New("the answer stalled")
	errTooLarge = errors.New("the answer is larger than allowed")
	errRedirect = errors.New("redirect refused")
)

// attempt asks once, following redirects. after is what the server asks to wait
// before the next try, 0 if nothing. A *transferError is worth another try.
func (c *Client) attempt(ctx context.Context, r request, spool *os.File) (got answer, after time.Duration, err error) {
	at, err := url.Parse(r.url)
	if err != nil || at.Scheme != "https" || at.Host == "" {
		return answer{}, 0, fmt.Errorf("not an https URL: %q", r.url)
	}
	for hops := 0; ; hops++ {
		if err := c.polite(ctx, at.Host, r.spacing); err != nil {
			return answer{}, 0, err
		}
		resp, stop, err := c.send(ctx, at, r)
		if err != nil {
			return answer{}, 0, err
		}
		if !isRedirect(resp.StatusCode) {
			got, after, err = c.receive(resp, stop, r, spool)
			return got, after, err
		}
		next, err := c.follow(at, resp)
		resp.Body.Close()
		stop.cancel(nil)
		if err != nil {
			return answer{}, 0, err
		}
		if hops == c.limits.Redirects {
			return answer{}, 0, fmt.Errorf("%w: more than %d in a row, the last to %s", errRedirect, c.limits.Redirects, next)
		}
		at = next
	}
}

// watch cancels a request whose body stalls.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// send asks for one URL and returns the answer with its body unread. The caller
// closes the body and cancels.
func (c *Client) send(ctx context.Context, at *url.URL, r request) (*http.Response, watch, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.physical(at), nil)
	if err != nil {
		cancel(nil)
		return nil, watch{}, err
	}
	req.Header.Set("User-Agent", c.userAgent)
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	if r.etag != "" {
		req.Header.Set("If-None-Match", r.etag)
	}
	if r.lastModified != "" {
		req.Header.Set("If-Modified-Since", r.lastModified)
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		cancel(nil)
		for _, refused := range []error{ssrf.ErrProhibitedIP, ssrf.ErrProhibitedPort, ssrf.ErrProhibitedNetwork} {
			if errors.Is(err, refused) {
				return nil, watch{}, err
			}
		}
		return nil, watch{}, &transferError{err}
	}
	return resp, watch{ctx, cancel}, nil
}

// physical is where a URL is really asked.
func (c *Client) physical(logical *url.URL) string {
	if c.upstream == nil {
		return logical.String()
	}
	return c.upstream.String() + "/" + strings.TrimPrefix(logical.String(), "https://")
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follow is where a redirect leads: the same host, by https, or an error. A
// stand-in may name itself or the upstream.
func (c *Client) follow(from *url.URL, resp *http.Response) (*url.URL, error) {
	location := resp.Header.Get("Location")
	if location == "" {
		return nil, fmt.Errorf("%w: HTTP %d without a Location", errRedirect, resp.StatusCode)
	}
	next, err := resp.Request.URL.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("%w: Location %q: %w", errRedirect, location, err)
	}
	if c.upstream != nil && next.Scheme == c.upstream.Scheme && next.Host == c.upstream.Host {
		rest := strings.TrimPrefix(strings.TrimPrefix(next.String(), c.upstream.String()), "/")
		if next, err = url.Parse("https://" + rest); err != nil {
			return nil, fmt.Errorf("%w: Location %q: %w", errRedirect, location, err)
		}
	}
	switch {
	case next.Scheme != "https":
		return nil, fmt.Errorf("%w: to %s, which is not https", errRedirect, next)
	case !strings.EqualFold(next.Host, from.Host):
		return nil, fmt.Errorf("%w: to another host, %s", errRedirect, next)
	}
	return next, nil
}

// receive judges the status and reads the body into the spool.
func (c *Client) receive(resp *http.Response, stop watch, r request, spool *os.File) (answer, time.Duration, error) {
	defer stop.cancel(nil)
	defer resp.Body.Close()
	stall := time.AfterFunc(c.limits.Idle, func() { stop.cancel(errStalled) })
	defer stall.Stop()
	got := answer{status: resp.StatusCode, header: resp.Header}
	switch {
	case resp.StatusCode == http.StatusOK:
		n, err := c.spool(resp, stop, stall, spool)
		got.size = n
		return got, 0, err
	case resp.StatusCode == http.StatusNotModified && (r.etag != "" || r.lastModified != ""):
		return got, 0, nil
	}
	head, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // best effort, for the message
	var err error = &statusError{resp.StatusCode, says(head)}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 {
		err = &transferError{err}
	}
	return got, c.retryAfter(resp.Header), err
}

// spool writes the body to the file, from its start, within the limits.
func (c *Client) spool(resp *http.Response, stop watch, stall *time.Timer, spool *os.File) (int64, error) {
	tooLarge := fmt.Errorf("%w: more than %d bytes", errTooLarge, c.limits.BodyBytes)
	if resp.ContentLength > c.limits.BodyBytes {
		return 0, tooLarge
	}
	if err := spool.Truncate(0); err != nil {
		return 0, &stopError{err}
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return 0, &stopError{err}
	}
	var size int64
	buf := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		stall.Reset(c.limits.Idle)
		if size += int64(n); size > c.limits.BodyBytes {
			return size, tooLarge
		}
		if _, werr := spool.Write(buf[:n]); werr != nil {
			return size, &stopError{werr} // a full disk
		}
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			if errors.Is(context.Cause(stop.ctx), errStalled) {
				err = fmt.Errorf("%w: no byte for %s after %d bytes", errStalled, c.limits.Idle, size)
			} else {
				err = fmt.Errorf("cut off after %d bytes: %w", size, err)
			}
			return size, &transferError{err}
		}
	}
}

// retryAfter reads the header in both its forms, seconds and date. A date is
// compared with the server's own clock where it says it.
func (c *Client) retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	from, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		from = c.now()
	}
	return max(at.Sub(from), 0)
}
