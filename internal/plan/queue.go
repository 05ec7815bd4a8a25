package plan

import (
	"cmp"
	"slices"
	"sync"

	"beanflows.coffee/materia/internal/model"
)

// queue hands out the targets of a plan, each once its parents are done. Safe
// for concurrent use.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	waiting []*target // those that most others wait for come first
	doing   int
	open    map[string]bool // models that are not done
	stopped bool
}

func newQueue(targets []*target) *queue {
	q := &queue{waiting: slices.Clone(targets), open: map[string]bool{}}
	q.changed = sync.NewCond(&q.mu)
	depth := map[string]int{} // models on the longest way down to one that nothing reads
	for _, t := range slices.Backward(targets) {
		q.open[t.model.Name] = true
		for _, parent := range t.model.DependsOn {
			depth[parent] = max(depth[parent], depth[t.model.Name]+1)
		}
	}
	slices.SortStableFunc(q.waiting, func(a, b *target) int { return cmp.Compare(depth[b.model.Name], depth[a.model.Name]) })
	return q
}

// next waits for a target whose parents are done. It is nil when nothing is
// left to begin.
func (q *queue) next() *target {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.stopped || len(q.waiting) == 0 {
			return nil
		}
		i := slices.IndexFunc(q.waiting, func(t *target) bool {
			return !slices.ContainsFunc(t.model.DependsOn, func(parent string) bool { return q.open[parent] })
		})
		if i >= 0 {
			t := q.waiting[i]
			q.waiting = slices.Delete(q.waiting, i, i+1)
			q.doing++
			return t
		}
		if q.doing == 0 {
			panic("plan: models wait for each other") // Load refuses cycles
		}
		q.changed.Wait()
	}
}

// finish tells that a target is done. After a failure nothing more begins:
// what is being built is finished, so that its own failures show as well.
func (q *queue) finish(m *model.Model, failed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.doing--
	q.stopped = q.stopped || failed
	delete(q.open, m.Name)
	q.changed.Broadcast()
}
