package consumer

import (
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/handoff"
)

// conclude passes on what an attempt at a task came to: to the next attempt, if
// the task's error budget has one left, or else to whoever waits for the outcome.
func (e *executor) conclude(d *delivery, t *codec.Task, o *codec.Outcome, now time.Time) {
	if countsAsError(o.Failure) {
		t.Errors++
		at := now.Add(handoff.Backoff(t))
		if t.Errors < t.ErrorBudget() && !o.Failure.Final && (t.Deadline.IsZero() || at.Before(t.Deadline)) {
			e.outbox.addApart(d, func(done func(error)) {
				e.desk.Retry(e.Queue, d.lane, d.batch.Client, t, at, done)
			})
			return
		}
	}
	ending := handoff.Ending{Queue: e.Queue, Client: d.batch.Client, Task: t, Outcome: o}
	if ending.Plain() {
		e.outbox.add(d, o, now)
		return
	}
	e.outbox.addApart(d, func(done func(error)) { e.desk.Settle(&ending, done) })
}

// countsAsError reports whether a failure is charged to the task's error budget:
// the handler's own doing, which may go better another time.
func countsAsError(f *codec.Failure) bool {
	return f != nil && (f.Code == codec.CodeError || f.Code == codec.CodePanic || f.Code == codec.CodeGoexit)
}
