package producer

import (
	"log/slog"
	"reflect"
	"runtime"
	"runtime/debug"
)

// callbacks runs the callbacks of a client's futures. Those of one future
// that are done, and the progress reports of one that is not, run one after the other on a goroutine of their own, which ends with them, so
// that they may block, and neither panic nor runtime.Goexit harms anybody else.
type callbacks struct {
	logger  *slog.Logger
	running tally
}

// calls is the callbacks of one future that are due.
type calls struct {
	of   *pending
	rest []func()
	done chan struct{}
}

// run starts calls, and returns a channel that is closed when all have returned.
func (c *callbacks) run(due *calls) <-chan struct{} {
	due.done = make(chan struct{})
	c.running.begin()
	go c.loop(due)
	return due.done
}

func (c *callbacks) loop(due *calls) {
	defer func() {
		if len(due.rest) > 0 { // one has ended the goroutine
			go c.loop(due)
			return
		}
		c.running.end()
		close(due.done)
	}()
	for len(due.rest) > 0 {
		call := due.rest[0]
		due.rest = due.rest[1:]
		c.call(due.of, call)
	}
}

func (c *callbacks) call(of *pending, call func()) {
	returned := false
	defer func() {
		if p := recover(); p != nil {
			c.logger.Error("a callback panicked", "task", of.id().String(), "panic", p, "stack", string(debug.Stack()))
		} else if !returned {
			c.logger.Error("a callback called runtime.Goexit", "task", of.id().String())
		}
	}()
	invoke(call)
	returned = true
}

// invoke calls a callback. Its frame marks the stack of a goroutine that is
// inside one.
//
//go:noinline
func invoke(call func()) { call() }

var invokeName = runtime.FuncForPC(reflect.ValueOf(invoke).Pointer()).Name()

// inCallback reports whether its caller is inside a callback, of whatever
// client.
func inCallback() bool {
	pcs := make([]uintptr, 64)
	for skip := 0; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs)
		if n == 0 {
			return false
		}
		frames := runtime.CallersFrames(pcs[:n])
		for more := true; more; {
			var frame runtime.Frame
			if frame, more = frames.Next(); frame.Function == invokeName {
				return true
			}
		}
	}
}
