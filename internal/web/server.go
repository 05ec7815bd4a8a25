package web

import (
	"net/http"
	"time"
)

// NewServer returns a server for addr with the deadlines and limits that a
// public address needs. The longest answer is a few dozen kilobytes, so half a
// minute is long for a slow reader and short for an idle one.
func NewServer(addr string, h http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}
