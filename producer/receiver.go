package producer

import (
	"fmt"
	"sync"

	"github.com/musterfleet/muster/codec"
)

// receiver is the client as its transport sees it. It is called by goroutines
// of the transport's, which nobody may hold up: waiters are told without
// waiting for them, and done callbacks run elsewhere.
type receiver struct{ *Client }

// Outcomes passes outcomes to their futures. One whose future is gone is a
// duplicate, or late, and changes nothing.
func (c receiver) Outcomes(data []byte) (int, error) {
	space := receiveSpace.Get().(*received)
	defer receiveSpace.Put(space)
	outcomes := &space.outcomes
	if err := outcomes.Decode(data); err != nil {
		return 0, err
	}
	if outcomes.Client != c.id {
		return 0, fmt.Errorf("outcomes for client %s", outcomes.Client)
	}
	space.futures = c.registry.takeEach(space.futures[:0], outcomes.List)
	var settled, values uint64
	for i, p := range space.futures {
		if o := &outcomes.List[i]; p != nil {
			if p.outcome(o) {
				settled++
				values += c.value(o)
			}
		} else if o.Object != "" {
			c.fetchLarge(codec.ID{Client: c.id, N: o.N}, *o, &c.counters.direct)
		}
	}
	c.counters.came(&c.counters.direct, settled, values)
	clear(space.futures) // they are the caller's alone
	return len(outcomes.List), nil
}

// value returns 1 for an outcome that is a value, or else counts the failure.
func (c receiver) value(o *codec.Outcome) uint64 {
	if o.Failure == nil {
		return 1
	}
	c.counters.fail(o.Failure.Code, 1)
	return 0
}

// received is a message of outcomes while they are given to futures, which copy
// what they keep.
type received struct {
	outcomes codec.Outcomes
	futures  []*pending
}

var receiveSpace = sync.Pool{New: func() any { return &received{} }}

// Kept passes kept outcomes to the futures of their tasks, whoever has submitted
// these.
func (c receiver) Kept(data []byte) error {
	var outcomes codec.Outcomes
	if err := outcomes.Decode(data); err != nil {
		return err
	}
	var settled, values uint64
	for i := range outcomes.List {
		o := &outcomes.List[i]
		id := codec.ID{Client: outcomes.Client, N: o.N}
		if o.Object != "" {
			c.fetchLarge(id, *o, &c.counters.stored)
		} else if p := c.take(id); p != nil && p.outcome(o) {
			settled++
			values += c.value(o)
		}
	}
	c.counters.came(&c.counters.stored, settled, values)
	return nil
}

// Progress notes how far a task has come.
func (c receiver) Progress(data []byte) error {
	n, attempt, report, err := codec.ReadProgress(data)
	if err != nil {
		return err
	}
	if p := c.registry.find(n); p != nil {
		p.start()
		p.report(attempt, report)
	}
	return nil
}

// Pending returns how many of the client's own tasks have no outcome.
func (c receiver) Pending() int { return c.registry.pending() }

// Awaited returns the other tasks whose outcomes somebody waits for.
func (c receiver) Awaited() []codec.ID { return c.attached.ids() }

// Started notes that a task runs.
func (c receiver) Started(data []byte) error {
	started, err := codec.ReadStarted(data)
	if err != nil {
		return err
	}
	if p := c.registry.find(started.N); p != nil {
		p.start()
	}
	return nil
}

// Running notes that tasks run, whichever client has submitted them.
func (c receiver) Running(data []byte) error {
	ids, _, err := codec.ReadCancel(data)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if p := c.find(id); p != nil {
			p.start()
		}
	}
	return nil
}
