package consumer

import (
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/handoff"
)

const (
	// messageBytes and messageOutcomes are the size at which a message of outcomes goes
	// out. Its client takes it as a whole.
	messageBytes    = 64 << 10
	messageOutcomes = 1024
	// An outcome may wait for others to go out with as long as leastLinger, or a part
	// of the time that its task has waited for a process, up to mostLinger: whoever
	// waits for it does not notice.
	leastLinger = time.Millisecond
	mostLinger  = 10 * time.Millisecond
	lingerPart  = 16
	// mostMessages is how many messages may be on their way to clients; beyond
	// it the process stops running tasks.
	mostMessages = 32
)

// outbox collects outcomes into messages. It is filled by the executor, and
// flushed by the executor or, behind a long task, by the observer.
type outbox struct {
	desk *handoff.Desk
	room chan struct{} // an element for each message on its way

	mu     sync.Mutex
	client string
	out    *codec.OutcomesBuilder
	space  *[]byte // that out began in
	counts []count
	since  time.Time     // when the first of the outcomes was added
	told   []func(error) // when the message is in safe hands, or cannot be
}

// messageSpace is for messages of outcomes until they are in safe hands.
var messageSpace = sync.Pool{New: func() any { return new([]byte) }}

// count says how many outcomes of a delivery are in the message, in a row.
type count struct {
	delivery *delivery
	n        int
}

// lingerAfter gives how long the outcomes of tasks may linger that have waited so
// long, by the broker's clock.
func lingerAfter(waited time.Duration) time.Duration {
	return min(max(waited/lingerPart, leastLinger), mostLinger)
}

func newOutbox(desk *handoff.Desk) *outbox {
	return &outbox{desk: desk, room: make(chan struct{}, mostMessages)}
}

// add takes the outcome of the delivery's next task. It flushes what waits for
// another client, and a message that has become large or old. It calls
// handedOff, unless that is nil, when the outcome is in safe hands or cannot be.
func (o *outbox) add(d *delivery, outcome *codec.Outcome, now time.Time, handedOff func(error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.out != nil && o.client != d.batch.Client {
		o.flushLocked()
	}
	if o.out == nil {
		o.client, o.since = d.batch.Client, now
		o.space = messageSpace.Get().(*[]byte)
		o.out = codec.NewOutcomes(o.client, *o.space)
	}
	before := o.out.Size()
	o.out.Add(outcome)
	if last := len(o.counts) - 1; last >= 0 && o.counts[last].delivery == d {
		o.counts[last].n++
	} else {
		o.counts = append(o.counts, count{d, 1})
	}
	if handedOff != nil {
		o.told = append(o.told, handedOff)
	}
	// With an outcome as large as the one just added the next message might
	// not fit into what the broker carries.
	size := o.out.Size()
	if size+(size-before) > messageBytes || o.out.Len() >= messageOutcomes || now.Sub(o.since) > d.linger {
		o.flushLocked()
	}
}

// addApart has the end of the delivery's next task passed on by itself: pass
// begins that, and says when it is in safe hands; handedOff is as for add.
func (o *outbox) addApart(d *delivery, handedOff func(error), pass func(done func(error))) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushLocked() // a delivery's parts are counted in task order
	p := d.sent(1)
	o.room <- struct{}{}
	pass(func(err error) {
		if handedOff != nil {
			handedOff(err) // first: the process may end once there is room
		}
		<-o.room
		p.arrived(err)
	})
}

// flush sends what was collected.
func (o *outbox) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushLocked()
}

func (o *outbox) flushLocked() {
	if o.out == nil {
		return
	}
	parts := make([]*part, len(o.counts))
	for i, c := range o.counts {
		parts[i] = c.delivery.sent(c.n)
	}
	data, space, told := o.out.Bytes(), o.space, o.told
	o.out, o.space, o.counts, o.told = nil, nil, nil, nil
	o.room <- struct{}{}
	o.desk.Send(o.client, data, func(err error) {
		for _, handedOff := range told {
			handedOff(err) // first: the process may end once there is room
		}
		<-o.room
		for _, p := range parts {
			p.arrived(err)
		}
		if err == nil && cap(data) <= 2*messageBytes { // else somebody may have it still
			*space = data[:0]
			messageSpace.Put(space)
		}
	})
}

// wait waits until every message is in safe hands, at most for patience.
func (o *outbox) wait(patience time.Duration) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for range mostMessages {
		select {
		case o.room <- struct{}{}:
		case <-timer.C:
			return
		}
	}
}
