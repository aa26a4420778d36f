package consumer

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/musterfleet/muster/codec"
)

// handler runs one task: it decodes the argument, calls the user's function and
// appends the encoded result to dst.
type handler func(ctx context.Context, dst, arg []byte) ([]byte, *codec.Failure)

// function is a handler as one worker process knows it.
type function struct {
	handler
	usual time.Duration // usual run time; 0 while unknown; the executor's
	index int           // on the board
}

// run runs the handler, and turns a panic into a failure.
func (h handler) run(ctx context.Context, dst, arg []byte) (result []byte, failure *codec.Failure) {
	defer func() {
		if p := recover(); p != nil {
			result, failure = dst, codec.Panicked(p, debug.Stack())
		}
	}()
	return h(ctx, dst, arg)
}

// refusal gives the failure of a task that is not to be run: f is nil if nothing
// handles it; host says whose handlers those are that there are, empty for this
// process's.
func refusal(f *function, t *codec.Task, now time.Time, host string) *codec.Failure {
	switch {
	case f == nil:
		where := "in this process"
		if host != "" {
			where = "on host " + host
		}
		return &codec.Failure{Code: codec.CodeUnknownFunc, Message: fmt.Sprintf(
			"%q has no handler %s, which handles %q; consumer.Handle registers one", t.Func, where, Handled())}
	case !t.Deadline.IsZero() && now.After(t.Deadline):
		return &codec.Failure{Code: codec.CodeExpired, Message: "deadline " + t.Deadline.Format(time.RFC3339Nano)}
	}
	return nil
}

// takes reports whether a task is expected to take so long, as any may of which
// nothing is known.
func (f *function) takes(d time.Duration) bool { return f.usual == 0 || f.usual >= d }

// observe learns how long the function runs.
func (f *function) observe(run time.Duration) {
	if f.usual == 0 {
		f.usual = max(run, 1)
		return
	}
	f.usual = max(f.usual+(run-f.usual)/8, 1)
}

// known is the function that was looked up last: tasks of one func come in a row.
type known struct {
	name string
	f    *function
}

func (k *known) find(functions map[string]*function, name string) *function {
	if k.f == nil || k.name != name {
		k.name, k.f = name, functions[name]
	}
	return k.f
}
