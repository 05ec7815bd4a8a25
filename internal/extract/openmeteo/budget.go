package openmeteo

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/landing"
)

// limit is what may be spent within a stretch of time. Upstream counts by the
// clock's minute, hour and day; the same within any such stretch is stricter.
type limit struct {
	within time.Duration
	weight float64
}

// The limits, less a tenth for errors and for answers that landed nothing, which
// later runs do not know of.
var limits = [...]limit{{time.Minute, 540}, {time.Hour, 4500}, {24 * time.Hour, 9000}}

// budget knows what was spent in the last day.
type budget struct {
	clock func() time.Time
	spent []expense
}

type expense struct {
	at     time.Time // by the budget's clock
	weight float64
}

// newBudget takes over what earlier runs spent, as far as files tell of it.
func newBudget(clock func() time.Time, now time.Time, landed []landing.Entry) *budget {
	b := &budget{clock: clock}
	for _, e := range landed {
		if age := now.Sub(e.LandedAt); age >= 0 && age < 24*time.Hour {
			b.spent = append(b.spent, expense{clock().Add(-age), weightOf(e.URL)})
		}
	}
	return b
}

// weightOf is the weight of an archive URL; 1 where it cannot be told.
func weightOf(address string) float64 {
	from, to, ok := asked(address)
	u, err := url.Parse(address)
	if !ok || err != nil {
		return 1
	}
	return weight(strings.Count(u.Query().Get("daily"), ",")+1, int(to.Sub(from).Hours()/24)+1)
}

// left is what may still be spent within a limit, and when its oldest expense
// leaves it.
func (b *budget) left(l limit) (weight float64, next time.Duration) {
	now := b.clock()
	weight, next = l.weight, l.within
	for _, e := range b.spent {
		if age := now.Sub(e.at); age < l.within {
			weight -= e.weight
			next = min(next, l.within-age)
		}
	}
	return weight, next
}

// take spends the weight and returns 0, or says how long to wait before another
// try. ok is false where the hour or the day has no room: that is no wait.
func (b *budget) take(weight float64) (wait time.Duration, ok bool) {
	for _, l := range limits[1:] {
		if left, _ := b.left(l); left < weight {
			return 0, false
		}
	}
	if left, next := b.left(limits[0]); left < weight {
		return next, true
	}
	b.spent = append(b.spent, expense{b.clock(), weight})
	return 0, true
}

// describe is the plan in words, before anything is asked.
func describe(asks []request, spare *budget) string {
	regions, whole := map[string]bool{}, 0.0
	for _, a := range asks {
		regions[a.region.ID] = true
		whole += a.weight()
	}
	text := fmt.Sprintf("plan: %d requests for %d regions, weight %.0f", len(asks), len(regions), whole)
	if spare == nil {
		return text + "; a stand-in answers, so no limits"
	}
	hour, _ := spare.left(limits[1])
	daily, _ := spare.left(limits[2])
	room, now := min(hour, daily), 0
	for _, a := range asks {
		if room -= a.weight(); room < 0 {
			break
		}
		now++
	}
	text += fmt.Sprintf("; the limits leave %.0f in this hour and %.0f in this day: %d now", max(hour, 0), max(daily, 0), now)
	if rest := len(asks) - now; rest > 0 {
		text += fmt.Sprintf(", %d in later runs", rest)
	}
	return text
}
