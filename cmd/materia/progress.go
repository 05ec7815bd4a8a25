package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"beanflows.coffee/materia/internal/plan"
)

// progress tells how far a plan is: a line a model, and on a terminal also the
// model being built and for how long, on a line that the next one overwrites.
type progress struct {
	w        io.Writer
	terminal bool
	quiet    bool
	failing  []string
	ended    chan struct{}

	mu    sync.Mutex // of what follows; the clock of a terminal writes too
	open  int        // width of the line that stands without an end
	doing string
	since time.Time
}

func newProgress(w io.Writer, terminal, quiet bool) *progress {
	p := &progress{w: w, terminal: terminal, quiet: quiet, ended: make(chan struct{})}
	if terminal && !quiet {
		go p.clock()
	}
	return p
}

// clock shows every second how long a slow model has taken so far.
func (p *progress) clock() {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-p.ended:
			return
		case <-every.C:
			p.mu.Lock()
			if took := time.Since(p.since); p.open > 0 && took >= time.Second {
				p.show(fmt.Sprintf("%s %.0f s", p.doing, took.Seconds()))
			}
			p.mu.Unlock()
		}
	}
}

func (p *progress) event(e plan.Event) {
	if p.quiet {
		return
	}
	switch {
	case e.Step == "build" && !e.Done:
		p.failing = nil
		p.now(fmt.Sprintf("[%d/%d] %s building ...", e.N, e.Total, e.Model))
	case e.Step == "build":
		p.line(fmt.Sprintf("[%d/%d] %s", e.N, e.Total, e.Model) + built(e) + strings.Join(p.failing, ""))
	case e.Step == "audit" && e.FailingRows > 0:
		word := "warning"
		if e.Blocking {
			word = "failed"
		}
		p.failing = append(p.failing, fmt.Sprintf("; audit %s %s: %s", e.Audit, word, plural(int(e.FailingRows), "row")))
	case e.Step == "promote" && !e.Done:
		p.now("moving the environment's views ...")
	}
}

func built(e plan.Event) string {
	if e.Rows < 0 {
		return fmt.Sprintf(": view, %.1f s", e.Seconds)
	}
	return fmt.Sprintf(": %s, %.1f s", plural(int(e.Rows), "row"), e.Seconds)
}

// now shows what is going on until the next line; only a terminal has it.
func (p *progress) now(text string) {
	if !p.terminal {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doing, p.since = text, time.Now()
	p.show(text)
}

func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	fmt.Fprintln(p.w, text)
}

// show writes the line that the next one overwrites; p.mu is held.
func (p *progress) show(text string) {
	p.wipe()
	fmt.Fprint(p.w, text)
	p.open = len(text)
}

// wipe takes it away; p.mu is held.
func (p *progress) wipe() {
	if p.open > 0 {
		fmt.Fprint(p.w, "\r"+strings.Repeat(" ", p.open)+"\r")
		p.open = 0
	}
}

// end leaves no half line behind. It is called once.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	close(p.ended)
}
