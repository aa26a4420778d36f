package consumer

import (
	"errors"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// delivery is a batch that the broker has given to this process, from its
// arrival until it is acknowledged or given back.
type delivery struct {
	worker  *Worker
	ack     string // subject of the answer
	subject string // that it was published to
	stored  time.Time
	offers  uint64 // how often its tasks were offered to other hosts, in messages before this one
	lane    broker.Lane
	several bool // it came with more than one task
	batch   codec.Batch
	space   *[]codec.Task // that the tasks stand in, nil once it is another's
	bytes   int           // of the message
	slot    *scoreboard.Slot
	slow    bool          // its tasks take long, or may; the executor's
	linger  time.Duration // of outcomes; the executor's
	next    int           // task to run next; the executor's
	paused  time.Time     // since when it waits for something more urgent; the backlog's

	mu     sync.Mutex
	begun  int     // tasks that the executor has begun, or is about to
	end    int     // tasks that are not given back
	away   bool    // the rest is being given back
	parked bool    // the executor has left it
	parts  []*part // on their way to the client, in task order
	handed int     // outcomes in safe hands
	failed bool    // an outcome could be neither handed off nor stored
}

// part is a run of a delivery's outcomes that went out in one message.
type part struct {
	delivery *delivery
	outcomes int
	done     bool
}

// sent notes that the next n outcomes are on their way.
func (d *delivery) sent(n int) *part {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &part{delivery: d, outcomes: n}
	d.parts = append(d.parts, p)
	return p
}

// arrived notes that a part is in safe hands, or cannot be. The board counts
// outcomes from the first task on, so a part counts once all before it have
// arrived. With the last one the delivery is acknowledged.
func (p *part) arrived(err error) {
	d := p.delivery
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed || errors.Is(err, handoff.ErrClosed) || errors.Is(err, broker.ErrClosed) {
		return // the process is ending: the supervisor reads the board
	}
	if err != nil {
		d.worker.Logger.Error("outcomes could be neither handed off nor stored; their tasks will run again", "error", err)
		d.fail()
		return
	}
	p.done = true
	for len(d.parts) > 0 && d.parts[0].done {
		d.slot.HandedOff(d.parts[0].outcomes)
		d.handed += d.parts[0].outcomes
		d.parts = d.parts[1:]
	}
	d.settle()
}

// fail gives the delivery back, once the executor has left it: until then its
// place on the board must not be another's. d.mu is held.
func (d *delivery) fail() {
	d.failed = true
	if d.parked {
		d.worker.answer(d.ack, ackLater)
		d.release()
	}
}

// park notes that the executor has left the delivery. d.mu is held.
func (d *delivery) park() {
	d.parked = true
	if d.failed {
		d.fail()
	}
}

// settle acknowledges the delivery if nothing of it is left; d.mu is held.
func (d *delivery) settle() {
	if d.handed == d.end && !d.away {
		d.worker.answer(d.ack, ackDone)
		d.release()
	}
}

// taskSpace is for the tasks of deliveries: a batch has up to a thousand, and a
// process many batches a second.
var taskSpace = sync.Pool{New: func() any { return new([]codec.Task) }}

// mostSpace bounds the tasks for which space is kept, by their number.
const mostSpace = 4096

// smallMessage is the length in bytes up to which a message may stay in memory
// with its tasks' space.
const smallMessage = 64 << 10

// decode reads the delivery's batch.
func (d *delivery) decode(data []byte) error {
	d.space = taskSpace.Get().(*[]codec.Task)
	d.batch.Tasks, d.bytes = *d.space, len(data)
	return d.batch.Decode(data)
}

// release frees the delivery's place on the board, for which the process may
// have been waiting, and its space. Nobody looks at its tasks any more: what has
// begun of them is done.
func (d *delivery) release() {
	if d.space != nil && cap(d.batch.Tasks) <= mostSpace {
		if d.bytes > smallMessage {
			clear(d.batch.Tasks) // they hold their message in memory
		}
		*d.space = d.batch.Tasks[:0]
		taskSpace.Put(d.space)
	}
	d.space, d.batch.Tasks = nil, nil
	if d.slot != nil {
		d.slot.Release()
		d.worker.held.Add(-1)
		d.worker.ask()
	}
}
