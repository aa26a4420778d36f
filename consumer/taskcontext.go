package consumer

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/nesting"
)

// taskContext is the context of one task. It is a context of its own kind so
// that a task that never looks at it costs next to nothing: no lock, and the
// channel is made when somebody asks for it.
type taskContext struct {
	*origin
	n       uint64
	name    string // of the func
	attempt int32
	ending  atomic.Uint32              // an index of endings, once over
	stopped atomic.Pointer[codec.Code] // why the task was told to stop, if it was
	extras  *extras                    // nil of an ordinary task
	done    atomic.Pointer[chan struct{}]
	closing sync.Mutex // held while done is made or closed
}

// origin is what the contexts have in common of the tasks of one delivery.
type origin struct {
	client   string
	logger   *slog.Logger
	wait     func() (resume func()) // may be nil
	reporter reporter               // may be nil
}

// extras is what only some contexts have.
type extras struct {
	depth    int
	deadline time.Time
	header   map[string]string
	timer    *time.Timer // ends the context at the deadline
}

// endings are the reasons for which a context ends.
var endings = [...]error{nil, context.Canceled, context.DeadlineExceeded}

const (
	endCancelled = 1
	endDeadline  = 2
)

type taskKey struct{}

func newTaskContext(o *origin, t *codec.Task) *taskContext {
	c := &taskContext{}
	c.begin(o, t)
	return c
}

// begin makes the context of a task of one that nobody has seen.
func (c *taskContext) begin(o *origin, t *codec.Task) {
	c.origin, c.n, c.name, c.attempt = o, t.N, t.Func, int32(t.Attempt())
	if t.Depth == 0 && len(t.Header) == 0 && t.Deadline.IsZero() {
		return
	}
	c.extras = &extras{depth: t.Depth, deadline: t.Deadline, header: t.Header}
	if !t.Deadline.IsZero() {
		c.extras.timer = time.AfterFunc(time.Until(t.Deadline), func() { c.end(endDeadline) })
	}
}

// id returns the task's id.
func (c *taskContext) id() codec.ID { return codec.ID{Client: c.client, N: c.n} }

func (c *taskContext) info() Info {
	info := Info{ID: c.id(), Func: c.name, Attempt: int(c.attempt)}
	if c.extras != nil {
		info.Deadline, info.Header = c.extras.deadline, c.extras.header
	}
	return info
}

// Deadline returns the task's deadline.
func (c *taskContext) Deadline() (deadline time.Time, ok bool) {
	if c.extras == nil {
		return time.Time{}, false
	}
	return c.extras.deadline, !c.extras.deadline.IsZero()
}

// Done returns a channel that is closed when the handler should stop.
func (c *taskContext) Done() <-chan struct{} {
	if done := c.done.Load(); done != nil {
		return *done
	}
	c.closing.Lock()
	defer c.closing.Unlock()
	if c.done.Load() == nil {
		done := make(chan struct{})
		c.done.Store(&done)
		// Whoever ends the context from now on sees the channel.
		if c.ending.Load() != 0 {
			close(done)
		}
	}
	return *c.done.Load()
}

// Err tells why the handler should stop, or nil.
func (c *taskContext) Err() error { return endings[c.ending.Load()] }

// Value returns what the project's packages look for in a task's context.
func (c *taskContext) Value(key any) any {
	switch key.(type) {
	case taskKey:
		return c
	case nesting.Key:
		call := nesting.Call{Wait: c.wait}
		if c.extras != nil {
			call.Depth = c.extras.depth
		}
		return call
	}
	return nil
}

// end tells the handler to stop; the first reason stands.
func (c *taskContext) end(ending uint32) {
	if !c.ending.CompareAndSwap(0, ending) || c.done.Load() == nil {
		return
	}
	c.closing.Lock() // Done may be about to close it itself
	defer c.closing.Unlock()
	select {
	case <-*c.done.Load():
	default:
		close(*c.done.Load())
	}
}

// stop tells the handler to stop and notes why its task was stopped; the first
// reason stands.
func (c *taskContext) stop(why codec.Code) {
	if !c.stopped.CompareAndSwap(nil, &why) {
		return
	}
	if why == codec.CodeTimeLimit {
		c.end(endDeadline)
	} else {
		c.end(endCancelled)
	}
}

// stoppedFor returns why the task was told to stop, or nothing.
func (c *taskContext) stoppedFor() codec.Code {
	if why := c.stopped.Load(); why != nil {
		return *why
	}
	return ""
}

// release ends the context after its handler has returned, for whatever the
// handler may have left waiting for it.
func (c *taskContext) release() {
	if c.extras != nil && c.extras.timer != nil {
		c.extras.timer.Stop()
	}
	c.end(endCancelled)
}

// contexts makes contexts several at a time, which is quicker than one by one. A
// handler that keeps one keeps those of a few other tasks in memory.
type contexts struct{ ready []taskContext }

const contextsAtOnce = 16

func (c *contexts) next() *taskContext {
	if len(c.ready) == 0 {
		c.ready = make([]taskContext, contextsAtOnce)
	}
	next := &c.ready[0]
	c.ready = c.ready[1:]
	return next
}
