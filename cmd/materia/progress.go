package main

import (
	"fmt"
	"io"
	"strings"

	"beanflows.coffee/materia/internal/plan"
)

// progress tells how far a plan is: a line a model, and on a terminal also the
// model being built, on a line that the next one overwrites.
type progress struct {
	w        io.Writer
	terminal bool
	quiet    bool
	open     int // width of the line that stands without an end
	failing  []string
}

func newProgress(w io.Writer, terminal, quiet bool) *progress {
	return &progress{w: w, terminal: terminal, quiet: quiet}
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
	p.wipe()
	fmt.Fprint(p.w, text)
	p.open = len(text)
}

func (p *progress) line(text string) {
	p.wipe()
	fmt.Fprintln(p.w, text)
}

func (p *progress) wipe() {
	if p.open > 0 {
		fmt.Fprint(p.w, "\r"+strings.Repeat(" ", p.open)+"\r")
		p.open = 0
	}
}

func (p *progress) end() { p.wipe() }
