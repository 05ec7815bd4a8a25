package supervise

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// presets are names for common schedules, in UTC.
var presets = [...]struct{ name, cron string }{
	{"hourly", "0 * * * *"},
	{"daily", "0 0 * * *"},
	{"weekly", "0 0 * * 1"}, // Monday
	{"monthly", "0 0 1 * *"},
}

// Schedule is a cron expression of five fields, in UTC.
type Schedule struct {
	text string // as written
	cron cron.Schedule
}

// ParseSchedule reads a preset (hourly, daily, weekly on Monday, monthly) or
// five cron fields. A time zone is refused, and so is a schedule that never
// comes, such as the 31st of February.
func ParseSchedule(text string) (Schedule, error) {
	s := Schedule{text: strings.TrimSpace(text)}
	fields := s.text
	for _, p := range presets {
		if p.name == s.text {
			fields = p.cron
		}
	}
	switch {
	case fields == "":
		return s, errors.New("is missing: want hourly, daily, weekly, monthly or five cron fields in UTC")
	case strings.Contains(fields, "TZ="):
		return s, errors.New("a time zone is not allowed: schedules are in UTC")
	case strings.HasPrefix(fields, "@"):
		return s, errors.New("want hourly, daily, weekly, monthly or five cron fields in UTC")
	}
	parsed, err := cron.ParseStandard(fields)
	if err != nil {
		return s, fmt.Errorf("want hourly, daily, weekly, monthly or five cron fields in UTC: %w", err)
	}
	s.cron = parsed
	// From a leap year's day on: the library looks five years ahead, and the 29th
	// of February is within four of this one.
	if s.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return s, errors.New("it never comes: no such day in any month named")
	}
	return s, nil
}

func (s Schedule) String() string { return s.text }

// Next is the first slot after t; zero if none comes within five years.
func (s Schedule) Next(t time.Time) time.Time { return s.cron.Next(t.UTC()) }

// Latest is the newest slot that has come at now; zero if none came within the
// ten years before.
func (s Schedule) Latest(now time.Time) time.Time {
	for window := time.Hour; window < 10*366*24*time.Hour; window *= 2 {
		slot := s.Next(now.Add(-window))
		if slot.IsZero() || slot.After(now) {
			continue
		}
		for {
			next := s.Next(slot)
			if next.IsZero() || next.After(now) {
				return slot
			}
			slot = next
		}
	}
	return time.Time{}
}

// maxCounted bounds the counting of missed slots: a clock that jumps by decades
// must not cost minutes.
const maxCounted = 200_000

// Between counts the slots after from and before to, and gives the first and
// the last of them. Beyond maxCounted the count stops and last is before to.
func (s Schedule) Between(from, to time.Time) (n int, first, last time.Time) {
	for slot := s.Next(from); !slot.IsZero() && slot.Before(to) && n < maxCounted; slot = s.Next(slot) {
		if n == 0 {
			first = slot
		}
		last = slot
		n++
	}
	return n, first, last
}
