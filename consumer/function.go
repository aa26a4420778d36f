package consumer

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/musterfleet/muster/codec"
)

// handler runs one task: it decodes the argument, calls the user's function and encodes
// the result, for which it may use dst.
type handler func(ctx context.Context, dst []byte, arg argument) (codec.Encoded, *codec.Failure)

// argument is a task's encoded argument.
type argument struct {
	data []byte
	own  bool // nobody else uses data: the decoded argument may refer to it
}

// run runs the handler, and turns a panic into a failure.
func (h handler) run(ctx context.Context, dst []byte, arg argument) (result codec.Encoded, failure *codec.Failure) {
	defer func() {
		if p := recover(); p != nil {
			result, failure = codec.Encoded{}, codec.Panicked(p, debug.Stack())
		}
	}()
	return h(ctx, dst, arg)
}

// unknown returns the failure of a task of a func that nothing handles. host says
// whose handlers those are that there are, empty for this process's.
func unknown(t *codec.Task, host string) *codec.Failure {
	message := fmt.Sprintf("%q has no handler in this process, which handles %q; consumer.Handle registers one", t.Func, Handled())
	if host != "" {
		message = fmt.Sprintf("%q has no handler on host %s, which handles %q, and no other host of the queue says that it has one",
			t.Func, host, Handled())
	}
	return &codec.Failure{Code: codec.CodeUnknownFunc, Message: message}
}

// expired returns the failure of a task whose deadline has passed.
func expired(t *codec.Task, now time.Time) *codec.Failure {
	if t.Deadline.IsZero() || !now.After(t.Deadline) {
		return nil
	}
	return &codec.Failure{Code: codec.CodeExpired, Message: "deadline " + t.Deadline.Format(time.RFC3339Nano)}
}
