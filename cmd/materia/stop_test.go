package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
)

// A visitor whose connection was accepted when the web stops, and whose request
// comes after, is answered.
func TestStopAnswersWhoWasLetIn(t *testing.T) {
	a := newHouse(t).app()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.serve(ctx, l) }()

	early, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	// Connections are accepted in turn: an answer to a later one says that the
	// early one is in.
	resp, err := http.Get("http://" + l.Addr().String() + "/methodology")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()

	stop()
	for { // until nobody is let in any more
		late, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			break
		}
		late.Close()
	}
	fmt.Fprintf(early, "GET /methodology HTTP/1.1\r\nHost: materia\r\n\r\n")
	resp, err = http.ReadResponse(bufio.NewReader(early), nil)
	if err != nil {
		t.Fatalf("turned away: %v", err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Errorf("answered %s", resp.Status)
	}
	resp.Body.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
