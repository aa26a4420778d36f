package consumer

import (
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/scoreboard"
)

const (
	// long is the run time from which a task counts as long: finished outcomes do
	// not wait for it, and deliveries that wait behind it are given back.
	long = 5 * time.Millisecond
	// announceFrom is the run time from which a task's caller is told that it has
	// started, which costs two messages.
	announceFrom = 25 * time.Millisecond
)

// running is the task that runs now, as others than the executor see it.
type running struct {
	mu        sync.Mutex
	task      *taskContext // nil when nothing runs
	since     time.Time
	announced bool
	reported  reported
	wake      chan struct{} // made by the observer while it sleeps
}

// begin notes that a task runs, in place of the one before.
func (r *running) begin(task *taskContext, since time.Time) {
	r.mu.Lock()
	r.task, r.since, r.announced = task, since, false
	if r.reported.any {
		r.reported = reported{}
	}
	wake := r.wake
	r.mu.Unlock()
	if wake != nil {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// end notes that nothing runs any more.
func (r *running) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.task = nil
}

// stop stops a task, if it is the one that runs.
func (r *running) stop(client, task uint64, why codec.Code) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.task == nil {
		return
	}
	if r.task.n == task && scoreboard.Client(r.task.client) == client {
		r.task.stop(why)
	}
}

// long reports whether a task runs that has become long.
func (r *running) long(now time.Time) bool {
	_, age := r.look(now)
	return age >= long
}

// look tells whether a task runs, and for how long it has.
func (r *running) look(now time.Time) (active bool, age time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.task == nil {
		return false, 0
	}
	return true, now.Sub(r.since)
}

// announce gives the task that runs if it was not announced yet.
func (r *running) announce() (task *taskContext, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.task == nil || r.announced {
		return nil, false
	}
	r.announced = true
	return r.task, true
}
