package consumer

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/internal/link"
)

const (
	// outboxBytes is the size at which outcomes go to the supervisor.
	outboxBytes = 32 << 10
	// While tasks of a run end one soon after the other, an outcome may wait for others
	// to go out with for minLinger, or a part of the time that its task has waited for a
	// process, up to maxLinger: its client does not notice.
	minLinger  = time.Millisecond
	maxLinger  = 5 * time.Millisecond
	lingerPart = 16
)

// outbox collects the outcomes of short tasks, which go to the supervisor together.
type outbox struct {
	link *link.Conn

	some atomic.Bool // outcomes wait

	mu   sync.Mutex
	data []byte
	base time.Time // when the first of the tasks began
	due  time.Time // when the outcomes are to go
}

// add takes the outcome of a run's next task.
func (o *outbox) add(run *link.Run, outcome *link.Outcome, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.data) == 0 {
		waited := outcome.Started.Sub(run.Stored)
		o.base, o.due = outcome.Started, now.Add(min(max(waited/lingerPart, minLinger), maxLinger))
		o.data = link.AppendOutcomes(o.data, run.ID, o.base)
		o.some.Store(true)
	}
	o.data = link.AppendOutcome(o.data, o.base, outcome)
	if len(o.data) < outboxBytes && now.Before(o.due) {
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
	if len(o.data) == 0 || now.Before(o.due) {
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
