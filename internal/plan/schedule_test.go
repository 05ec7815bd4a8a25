package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"beanflows.coffee/materia/internal/model"
)

// ladder is two chains, of four models and of two, that meet at the end.
func ladder() []*target {
	var targets []*target
	for _, row := range []string{"x", "a", "b a", "c b", "y x", "d c", "end d y"} {
		words := strings.Fields(row)
		targets = append(targets, &target{model: &model.Model{Name: words[0], DependsOn: words[1:]}})
	}
	return targets
}

func TestQueueBeginsWithTheLongestChain(t *testing.T) {
	q := newQueue(ladder(), nil)
	var order []string
	for next := q.next(); next != nil; next = q.next() {
		order = append(order, next.model.Name)
		q.finish(next.model, false)
	}
	if got := fmt.Sprint(order); got != "[a b x c y d end]" {
		t.Errorf("order %s", got)
	}
}

// TestQueueKnowsItsWidth: models that stand already are no work for a builder.
func TestQueueKnowsItsWidth(t *testing.T) {
	wide := ladder()
	for _, n := range []string{"e", "f", "g", "h"} {
		wide = append(wide, &target{model: &model.Model{Name: n}, version: n})
	}
	for _, c := range []struct {
		targets []*target
		built   map[string]bool
		want    int
	}{
		{ladder(), nil, 1},                   // 7 models, the longest chain 5
		{wide, nil, 2},                       // 11 of 5
		{wide, map[string]bool{"": true}, 4}, // those of the ladder stand
		{wide, map[string]bool{"": true, "e": true, "f": true}, 2}, // g and h
		{ladder(), map[string]bool{"": true}, 1},                   // nothing to build
	} {
		if q := newQueue(c.targets, c.built); q.width != c.want {
			t.Errorf("%d targets, %d versions built: width %d, want %d", len(c.targets), len(c.built), q.width, c.want)
		}
	}
}

// TestQueueHoldsBackChildren lets many take at once: each target is given once,
// after its parents are done.
func TestQueueHoldsBackChildren(t *testing.T) {
	q := newQueue(ladder(), nil)
	var mu sync.Mutex
	var done []string
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for next := q.next(); next != nil; next = q.next() {
				mu.Lock()
				for _, parent := range next.model.DependsOn {
					if !slices.Contains(done, parent) {
						t.Errorf("%s began before %s was done", next.model.Name, parent)
					}
				}
				done = append(done, next.model.Name)
				mu.Unlock()
				q.finish(next.model, false)
			}
		})
	}
	running.Wait()
	if len(done) != 7 {
		t.Errorf("done %v", done)
	}
}

func TestQueueStopsAfterAFailure(t *testing.T) {
	q := newQueue(ladder(), nil)
	first, second := q.next(), q.next()
	q.finish(first.model, true)
	if next := q.next(); next != nil {
		t.Errorf("%s began after a failure", next.model.Name)
	}
	q.finish(second.model, false)
}

// TestTwoFailingAuditsAreOneError: whoever mends a plan sees both at once.
func TestTwoFailingAuditsAreOneError(t *testing.T) {
	failed := func(name string) error { return &AuditError{[]AuditFailure{{Model: name}}} }
	var all *AuditError
	if err := joinBuildErrors([]error{failed("b"), nil, failed("a")}); !errors.As(err, &all) || len(all.Failures) != 2 || all.Failures[0].Model != "a" {
		t.Errorf("got %v", err)
	}
	disk := errors.New("disk is full")
	if err := joinBuildErrors([]error{failed("b"), disk, errors.New("disk is full")}); err.Error() != disk.Error() || !errors.Is(err, disk) || errors.As(err, &all) {
		t.Errorf("got %v", err)
	}
	if err := joinBuildErrors(make([]error, 2)); err != nil {
		t.Errorf("got %v", err)
	}
}
