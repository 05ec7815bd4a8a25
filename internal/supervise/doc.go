// Package supervise keeps the pipelines running for years: it reads
// workflows.toml, runs what is due as child processes, and writes what it did
// into the journal before and after it does it.
//
// The heart is a loop of ticks. A tick asks the journal which slots are due (at
// most one a workflow: the newest that has come), runs them in waves along
// depends_on, those of one wave beside each other, and then transform and
// export if something ended well since they last saw it. One run a (workflow,
// slot) is the journal's primary key; a slot that is not run has a row that says
// why. Slots are UTC wall-clock moments; all waiting and all limits use the
// monotonic clock.
//
// It must never do a pipeline's work in its own process, never start a child
// before the journal has its row, never tell systemd that it is alive from
// anything but its own loop's advance, and never let an alert, a heartbeat or a
// scrape hold up a tick.
package supervise
