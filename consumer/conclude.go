package consumer

import (
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/handoff"
)

// conclude passes on what an attempt at a task came to: to the next attempt, if
// the task's error budget has one left, or else to whoever waits for the outcome.
// Nearly every task goes the short way.
func (e *executor) conclude(d *delivery, t *codec.Task, o *codec.Outcome, now time.Time) {
	handedOff := e.observeEnd(o.Failure)
	if o.Failure != nil && o.Failure.Code.Retryable() {
		t.Errors++
		if at, again := e.nextAttempt(t, o.Failure, now); again {
			e.retry(d, t, at, handedOff)
			return
		}
	}
	if handoff.Plain(t, o.Failure) {
		e.outbox.add(d, o, now, handedOff)
		return
	}
	e.settle(d, t, *o, handedOff)
}

// nextAttempt gives when a task that has just failed is to be tried again, if it
// is.
func (e *executor) nextAttempt(t *codec.Task, f *codec.Failure, now time.Time) (at time.Time, again bool) {
	if f.Final || t.Errors >= t.ErrorBudget() {
		return time.Time{}, false
	}
	at = now.Add(handoff.Backoff(t))
	return at, t.Deadline.IsZero() || at.Before(t.Deadline)
}

func (e *executor) retry(d *delivery, t *codec.Task, at time.Time, handedOff func(error)) {
	e.outbox.addApart(d, handedOff, func(done func(error)) {
		e.desk.Retry(e.Queue, d.lane, d.batch.Client, t, at, done)
	})
}

func (e *executor) settle(d *delivery, t *codec.Task, o codec.Outcome, handedOff func(error)) {
	ending := &handoff.Ending{Queue: e.Queue, Client: d.batch.Client, Task: t, Outcome: &o}
	e.outbox.addApart(d, handedOff, func(done func(error)) { e.desk.Settle(ending, done) })
}
