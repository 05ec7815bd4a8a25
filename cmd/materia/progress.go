package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"beanflows.coffee/materia/internal/plan"
)

// progress tells how far a plan is: a line a model, and on a terminal also what
// was begun last and for how long, on a line that the next one overwrites.
type progress struct {
	w        io.Writer
	terminal bool
	quiet    bool
	failing  map[string][]string // by model: several are built at once
	ended    chan struct{}

	mu    sync.Mutex // of what follows; the clock of a terminal writes too
	open  int        // width of the line that stands without an end
	doing []doing    // and not done yet, the newest last
}

type doing struct {
	model, text string
	since       time.Time
}

func newProgress(w io.Writer, terminal, quiet bool) *progress {
	p := &progress{w: w, terminal: terminal, quiet: quiet, failing: map[string][]string{}, ended: make(chan struct{})}
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
			p.showDoing()
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
		p.begin(e.Model, fmt.Sprintf("[%d/%d] %s building ...", e.N, e.Total, e.Model))
	case e.Step == "build":
		p.done(e.Model, fmt.Sprintf("[%d/%d] %s", e.N, e.Total, e.Model)+built(e)+strings.Join(p.failing[e.Model], ""))
	case e.Step == "audit" && e.FailingRows > 0:
		word := "warning"
		if e.Blocking {
			word = "failed"
		}
		p.failing[e.Model] = append(p.failing[e.Model], fmt.Sprintf("; audit %s %s: %s", e.Audit, word, plural(int(e.FailingRows), "row")))
	case e.Step == "promote" && !e.Done:
		p.begin("", "moving the environment's views ...")
	}
}

func built(e plan.Event) string {
	if e.Rows < 0 {
		return fmt.Sprintf(": view, %.1f s", e.Seconds)
	}
	return fmt.Sprintf(": %s, %.1f s", plural(int(e.Rows), "row"), e.Seconds)
}

// begin shows what is going on until it is done or something else begins; only a
// terminal has it.
func (p *progress) begin(model, text string) {
	if !p.terminal {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doing = append(p.doing, doing{model, text, time.Now()})
	p.showDoing()
}

// done writes a model's line, and shows again what is still going on.
func (p *progress) done(model, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doing = slices.DeleteFunc(p.doing, func(d doing) bool { return d.model == model })
	p.wipe()
	fmt.Fprintln(p.w, text)
	p.showDoing()
}

// showDoing shows what was begun last and, once it is slow, for how long; p.mu is
// held.
func (p *progress) showDoing() {
	if len(p.doing) == 0 {
		return
	}
	d := p.doing[len(p.doing)-1]
	if took := time.Since(d.since); took >= time.Second {
		d.text += fmt.Sprintf(" %.0f s", took.Seconds())
	}
	p.show(d.text)
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
