package consumer

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/internal/link"
)

const (
	// outboxBytes is the size at which outcomes go to the supervisor, and outboxDelay
	// how long they wait for others while tasks end one soon after the other.
	outboxBytes = 32 << 10
	outboxDelay = time.Millisecond
)

// outbox collects the outcomes of short tasks, which go to the supervisor together.
type outbox struct {
	link *link.Conn

	some atomic.Bool // outcomes wait

	mu    sync.Mutex
	data  []byte
	run   uint64
	base  time.Time // when the first of the tasks began
	since time.Time // when its outcome was added
}

// add takes the outcome of a run's next task.
func (o *outbox) add(run uint64, outcome *link.Outcome, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.data) == 0 {
		o.run, o.base, o.since = run, outcome.Started, now
		o.data = link.AppendOutcomes(o.data, run, o.base)
		o.some.Store(true)
	}
	o.data = link.AppendOutcome(o.data, o.base, outcome)
	if len(o.data) < outboxBytes && now.Sub(o.since) < outboxDelay {
		return nil
	}
	return o.flushLocked()
}

// flush sends what was collected.
func (o *outbox) flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.flushLocked()
}

// flushIfOld sends what waits for longer than it should.
func (o *outbox) flushIfOld(now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.data) == 0 || now.Sub(o.since) < outboxDelay {
		return nil
	}
	return o.flushLocked()
}

// flushLocked sends what was collected; o.mu is held, so that outcomes stay in order.
func (o *outbox) flushLocked() error {
	if len(o.data) == 0 {
		return nil
	}
	err := o.link.SendWait(link.KindOutcomes, nil, func(dst []byte) []byte { return append(dst, o.data...) })
	o.data = o.data[:0]
	o.some.Store(false)
	if cap(o.data) > maxSpace {
		o.data = nil
	}
	return err
}
