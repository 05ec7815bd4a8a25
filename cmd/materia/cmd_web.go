package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/serving"
	"beanflows.coffee/materia/internal/web"
)

// stopWait is how long answers under way may take once the server stops.
const stopWait = 10 * time.Second

func webCmd(a *app) *cobra.Command {
	var addr string
	c := &cobra.Command{
		Use:   "web",
		Short: "Serve the dashboard",
		Long: `Serve the dashboard from the published file, which is opened again when an export
replaces it. It reads nothing else. SIGTERM or Ctrl-C stops it after the answers under way.`,
		Example: `  materia web
  materia web --addr :8080            # every address of this machine`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := webListener(addr)
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), l)
		},
	}
	c.Flags().StringVar(&addr, "addr", "localhost:8080", "address to listen on")
	return c
}

// webListener is the socket that systemd holds, where it started this process
// with one, so that the port stays open while a release is replaced; else a
// socket of our own at addr.
func webListener(addr string) (net.Listener, error) {
	given, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("web: socket from systemd: %w", err)
	}
	if len(given) > 1 {
		return nil, fmt.Errorf("web: %d sockets from systemd, want one", len(given))
	}
	if len(given) == 1 {
		return given[0], nil
	}
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("web: %w (another materia web? choose another --addr)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("web: --addr %s: %w", addr, err)
	}
	return l, nil
}

// serve runs the dashboard on l until the context ends, and that is no error.
func (a *app) serve(ctx context.Context, l net.Listener) error {
	reader, err := serving.OpenReader(a.servingPath, serving.ReaderOptions{Log: a.log, Own: true})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer reader.Close()
	server := web.NewServer(l.Addr().String(), web.New(reader, web.Options{Log: a.log, Now: a.now, Version: runningVersion()}))
	var waiting visitorsWaiting
	server.ConnState = waiting.note
	fmt.Fprintf(a.stdout, "serving %s on http://%s\n", a.servingPath, shownAddr(l.Addr()))
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("web: %w", err)
	case <-ctx.Done():
	}
	a.log.Info("stopping")
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
	defer cancel()
	// No new connections, and an end to those that only wait for another request.
	// Shutdown comes after the others: it drops, without an answer, a request
	// that it finds on a connection just accepted.
	err = l.Close()
	server.SetKeepAlivesEnabled(false)
	if serr := <-failed; !errors.Is(serr, net.ErrClosed) {
		err = errors.Join(err, serr)
	}
	waiting.until(limited)
	if err = errors.Join(err, server.Shutdown(limited)); err != nil {
		return fmt.Errorf("web: stop: %w", err)
	}
	return nil
}

// visitorsWaiting are the connections whose visitor has no answer yet: just
// accepted, or with a request under way.
type visitorsWaiting struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

func (v *visitorsWaiting) note(c net.Conn, s http.ConnState) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if s != http.StateNew && s != http.StateActive {
		delete(v.conns, c)
		return
	}
	if v.conns == nil {
		v.conns = map[net.Conn]bool{}
	}
	v.conns[c] = true
}

// until returns when nobody waits, or the context ends.
func (v *visitorsWaiting) until(ctx context.Context) {
	for ctx.Err() == nil {
		v.mu.Lock()
		n := len(v.conns)
		v.mu.Unlock()
		if n == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// runningVersion is the version and, in a release on a server, which one it is:
// a deploy asks the web by it.
func runningVersion() string {
	if release := releaseName(); release != "" {
		return version + "@" + release
	}
	return version
}

// shownAddr is the address as a person opens it in a browser.
func shownAddr(at net.Addr) string {
	tcp, ok := at.(*net.TCPAddr)
	if !ok {
		return at.String()
	}
	if tcp.IP.IsUnspecified() || tcp.IP.IsLoopback() {
		return fmt.Sprintf("localhost:%d", tcp.Port)
	}
	return tcp.String()
}
