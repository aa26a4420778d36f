package producer

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/musterfleet/muster/codec"
)

// Future is the client's handle on the outcome of one task. It mirrors Python's
// concurrent.futures.Future. Futures are made by [Submit], are comparable by
// pointer, and are safe for concurrent use.
type Future[R any] struct {
	pending
	decoded bool // under mu: result and err hold what value came to
	result  R
}

// Result waits for the outcome and gives the task's result. Its error is
//
//   - the task's failure: a [codec.RemoteError] or a [codec.WorkerDiedError];
//   - codec.ErrCancelled, if the future was cancelled;
//   - codec.ErrDecode, if the result does not decode into an R;
//   - [ErrClosed] or [ErrNotStored], if the client gave up;
//   - ctx.Err, wrapped, if ctx ended first. That changes nothing for the task,
//     and a later call may succeed.
//
// A future that is done gives its outcome even if ctx has ended. Every call
// gives the same outcome.
func (f *Future[R]) Result(ctx context.Context) (R, error) {
	if err := f.wait(ctx); err != nil {
		var zero R
		return zero, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.decoded {
		f.decoded = true
		if f.err == nil {
			f.result, f.err = codec.Value[R](f.value)
		}
		f.value = nil
	}
	return f.result, f.err
}

// Err waits like Result and gives only the error. It mirrors Future.exception.
func (f *Future[R]) Err(ctx context.Context) error {
	_, err := f.Result(ctx)
	return err
}

// Done gives a channel that is closed when the outcome is there.
func (f *Future[R]) Done() <-chan struct{} { return f.finished() }

// State gives where the future stands now.
func (f *Future[R]) State() State { return f.snapshot() }

// ID gives the task's id.
func (f *Future[R]) ID() codec.ID { return f.id() }

// Cancel cancels the task if it is not known to have started, and reports
// whether the future is cancelled. A cancelled future is done at once. Workers
// are told, and do not start the task; one that started it in the same instant
// finishes it, and its outcome is dropped.
func (f *Future[R]) Cancel() bool {
	cancelled, first := f.cancel(codec.ErrCancelled)
	if first {
		f.client.forget(&f.pending)
		f.client.requestCancel(&f.pending)
	}
	return cancelled
}

// String tells id and state, and of a failure the type, but never a value: it
// may end up in a log.
func (f *Future[R]) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := fmt.Sprintf("Future[%v](%s %s", reflect.TypeFor[R](), f.id(), f.state)
	var remote *codec.RemoteError
	switch {
	case errors.As(f.err, &remote) && remote.Type != "":
		s += " " + remote.Type
	case f.err != nil:
		s += fmt.Sprintf(" %T", f.err)
	}
	return s + ")"
}

// EncodeMsgpack refuses: a future is meaningful in its own process only.
func (f *Future[R]) EncodeMsgpack() ([]byte, error) {
	return nil, errors.New("a Future cannot be sent to a worker; send its result")
}

func (f *Future[R]) handle() *pending { return &f.pending }

// wait waits until the future is done or ctx ends; the future goes first.
func (p *pending) wait(ctx context.Context) error {
	if p.snapshot().Done() {
		return nil
	}
	select {
	case <-p.finished():
		return nil
	case <-ctx.Done():
		if p.snapshot().Done() {
			return nil
		}
		return fmt.Errorf("producer: task %s is %s: %w%s", p.id(), p.snapshot(), context.Cause(ctx), p.client.trouble())
	}
}
