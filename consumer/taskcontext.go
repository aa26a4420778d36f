package consumer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/musterfleet/muster/internal/nesting"
)

// taskContext is the context of one task. It is a context of its own kind so
// that a task that never looks at it costs one allocation and no more: the
// channel is made when somebody asks for it.
type taskContext struct {
	info   Info
	logger *slog.Logger
	nested nesting.Call
	// reporter takes progress reports, and may be nil.
	reporter reporter

	mu    sync.Mutex
	done  chan struct{}
	err   error       // context.Canceled or context.DeadlineExceeded, once over
	timer *time.Timer // ends the context at the deadline
}

type taskKey struct{}

func newTaskContext(info Info, logger *slog.Logger, nested nesting.Call) *taskContext {
	c := &taskContext{info: info, logger: logger, nested: nested}
	if !info.Deadline.IsZero() {
		c.timer = time.AfterFunc(time.Until(info.Deadline), func() { c.end(context.DeadlineExceeded) })
	}
	return c
}

// Deadline gives the task's deadline.
func (c *taskContext) Deadline() (time.Time, bool) {
	return c.info.Deadline, !c.info.Deadline.IsZero()
}

// Done gives a channel that is closed when the handler should stop.
func (c *taskContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// Err tells why the handler should stop, or nil.
func (c *taskContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Value gives what the project's packages look for in a task's context.
func (c *taskContext) Value(key any) any {
	switch key.(type) {
	case taskKey:
		return c
	case nesting.Key:
		return c.nested
	}
	return nil
}

// end tells the handler to stop; the first reason stands.
func (c *taskContext) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	if c.done != nil {
		close(c.done)
	}
}

// release ends the context after its handler has returned, for whatever the
// handler may have left waiting for it.
func (c *taskContext) release() {
	if c.timer != nil {
		c.timer.Stop()
	}
	c.end(context.Canceled)
}
