package extract

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"code.dny.dev/ssrf"
	"github.com/cenkalti/backoff/v5"
)

// DefaultUserAgent says who asks. Yahoo answers Go's own with 429.
const DefaultUserAgent = "materia/1 (+https://beanflows.coffee)"

// Limits bound what one upstream can cost. A zero field means its default.
type Limits struct {
	Connect       time.Duration // TCP, and again TLS; 15 s
	Header        time.Duration // from the request sent to the answer's header; 60 s
	Idle          time.Duration // without a byte of the body; 60 s
	Total         time.Duration // one URL with all tries and waits; 20 min
	Tries         int           // of one URL; 5
	BackoffFirst  time.Duration // before the second try, doubling, with jitter; 1 s (a loopback stand-in: 20 ms)
	BackoffMax    time.Duration // 1 min
	RetryAfterMax time.Duration // longest wait that a server may ask for; 2 min
	Delay         time.Duration // between two requests to one host; 1 s (a loopback stand-in: none)
	Redirects     int           // 5
	BodyBytes     int64         // of one answer, decompressed by HTTP; 256 MiB
	UnzippedBytes int64         // of one ZIP member; 2 GiB
	UnzippedRatio int64         // of a member's bytes to its compressed bytes; 200
	ZIPEntries    int           // in one ZIP; 100
}

// ClientOptions configure a Client. The zero value asks the real upstreams.
type ClientOptions struct {
	Upstream  string           // MATERIA_UPSTREAM: stands in for every https://HOST as $Upstream/HOST
	Now       func() time.Time // nil: time.Now; only for a Retry-After date without a Date header
	Log       *slog.Logger     // nil: silent
	UserAgent string           // empty: DefaultUserAgent
	Limits    Limits
	// Sleep waits between tries and requests; tests replace it. nil: really waits.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Client asks upstreams. It may be used from several goroutines.
type Client struct {
	transport *http.Transport // and no http.Client: follow decides on redirects
	upstream  *url.URL        // nil: the real upstreams
	now       func() time.Time
	log       *slog.Logger
	userAgent string
	limits    Limits
	sleep     func(ctx context.Context, d time.Duration) error

	mu   sync.Mutex
	next map[string]time.Time // by host: not to be asked before
}

// NewClient returns a client. An Upstream that is no URL makes every request
// fail; callers check it before.
func NewClient(o ClientOptions) *Client {
	c := &Client{now: o.Now, log: o.Log, userAgent: o.UserAgent, limits: o.Limits, sleep: o.Sleep, next: map[string]time.Time{}}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.userAgent == "" {
		c.userAgent = DefaultUserAgent
	}
	if c.sleep == nil {
		c.sleep = sleep
	}
	guard := ssrf.New()
	if o.Upstream != "" {
		u, err := url.Parse(strings.TrimRight(o.Upstream, "/"))
		if err != nil {
			u = &url.URL{}
		}
		c.upstream = u
		guard = ssrf.New(ssrf.WithAnyPort(),
			ssrf.WithAllowedV4Prefixes(netip.MustParsePrefix("127.0.0.0/8")), ssrf.WithAllowedV6Prefixes(netip.MustParsePrefix("::1/128")))
	}
	c.limits.fill(c.loopback())
	dialer := &net.Dialer{Timeout: c.limits.Connect, Control: guard.Safe}
	// No Proxy: the address checked at dial time must be the upstream's.
	c.transport = &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    c.limits.Connect,
		ResponseHeaderTimeout:  c.limits.Header,
		MaxResponseHeaderBytes: 1 << 20,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    2,
		// A stand-in that writes head and body apart waits on a connection in use for
		// the delayed acknowledgement, 40 ms a request; on a new one it does not.
		DisableKeepAlives: c.loopback(),
	}
	return c
}

func (l *Limits) fill(loopback bool) {
	first, delay := time.Second, time.Second
	if loopback {
		first, delay = 20*time.Millisecond, 0
	}
	for _, d := range []struct {
		field    *time.Duration
		fallback time.Duration
	}{
		{&l.Connect, 15 * time.Second}, {&l.Header, time.Minute}, {&l.Idle, time.Minute}, {&l.Total, 20 * time.Minute},
		{&l.BackoffFirst, first}, {&l.BackoffMax, time.Minute}, {&l.RetryAfterMax, 2 * time.Minute}, {&l.Delay, delay},
	} {
		if *d.field == 0 {
			*d.field = d.fallback
		}
	}
	for _, n := range []struct {
		field    *int64
		fallback int64
	}{{&l.BodyBytes, 256 << 20}, {&l.UnzippedBytes, 2 << 30}, {&l.UnzippedRatio, 200}} {
		if *n.field == 0 {
			*n.field = n.fallback
		}
	}
	for _, n := range []struct {
		field    *int
		fallback int
	}{{&l.Tries, 5}, {&l.Redirects, 5}, {&l.ZIPEntries, 100}} {
		if *n.field == 0 {
			*n.field = n.fallback
		}
	}
}

// loopback says whether a stand-in on this machine answers.
func (c *Client) loopback() bool {
	if c.upstream == nil {
		return false
	}
	host := c.upstream.Hostname()
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// request is one URL to ask.
type request struct {
	url          string
	accept       string
	etag         string // of the content that is known already; empty: ask for the whole
	lastModified string
	tries        int           // 0: the client's
	spacing      time.Duration // least time to the next request to the host, if more than the client's
}

// answer is what came of it. The body lies in the spool.
type answer struct {
	status int
	header http.Header
	size   int64
}

// fetch asks until an answer is complete in the spool, the tries are used up or
// a failure is one that no retry mends. 404 and other refusals are errors.
func (c *Client) fetch(ctx context.Context, r request, spool *os.File) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.limits.Total, errTotal)
	defer cancel()
	tries := r.tries
	if tries == 0 {
		tries = c.limits.Tries
	}
	wait := &backoff.ExponentialBackOff{InitialInterval: c.limits.BackoffFirst, RandomizationFactor: 0.5, Multiplier: 2, MaxInterval: c.limits.BackoffMax}
	for try := 1; ; try++ {
		got, after, err := c.attempt(ctx, r, spool)
		var transfer *transferError
		if err == nil || !errors.As(err, &transfer) {
			return got, err
		}
		if ctx.Err() != nil {
			return got, endOf(ctx, err)
		}
		if try >= tries {
			return got, err
		}
		pause := wait.NextBackOff()
		if after > 0 {
			pause = min(after, c.limits.RetryAfterMax)
		}
		c.log.Info("trying again", "url", r.url, "try", try+1, "of", tries, "in", pause.Round(time.Millisecond), "because", err.Error())
		if c.sleep(ctx, pause) != nil {
			return got, endOf(ctx, err)
		}
	}
}

// endOf is the error of a request whose time is over: the cause first, then what
// it met last.
func endOf(ctx context.Context, last error) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, errTotal) {
		return &transferError{errors.Join(cause, last)}
	}
	return cause
}

// polite waits until the host may be asked again, and reserves that moment. The
// next request then waits for the client's delay, or for spacing if that is more;
// a loopback stand-in needs none.
func (c *Client) polite(ctx context.Context, host string, spacing time.Duration) error {
	if c.loopback() {
		spacing = 0
	}
	delay := max(c.limits.Delay, spacing)
	if delay <= 0 {
		return context.Cause(ctx)
	}
	c.mu.Lock()
	now := time.Now() // monotonic
	at := c.next[host]
	if at.Before(now) {
		at = now
	}
	c.next[host] = at.Add(delay)
	c.mu.Unlock()
	if wait := at.Sub(now); wait > 0 {
		return c.sleep(ctx, wait)
	}
	return context.Cause(ctx)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
