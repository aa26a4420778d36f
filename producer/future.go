package producer

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/musterfleet/muster/codec"
)

// Future is the client's handle on the outcome of one task. It mirrors Python's
// concurrent.futures.Future. Futures are made by [Submit], are comparable by
// pointer, do not cross to a worker, and are safe for concurrent use.
type Future[R any] struct {
	pending
	decoded sync.Once // result and err are what was received comes to
	result  R
}

// Result waits for the outcome and returns the task's result. Its error is
//
//   - the task's failure: a [codec.RemoteError] or a [codec.WorkerDiedError];
//   - codec.ErrCancelled, if the future was cancelled;
//   - codec.ErrDecode, if the result does not decode into an R;
//   - [ErrClosed] or [ErrNotStored], if the client gave up;
//   - ctx.Err, wrapped, if ctx ended first. That changes nothing for the task,
//     and a later call may succeed.
//
// A future that is done gives its outcome even if ctx has ended. Every call
// gives the same outcome. It mirrors Future.result.
func (f *Future[R]) Result(ctx context.Context) (R, error) {
	if err := f.wait(ctx); err != nil {
		var zero R
		return zero, err
	}
	// A number is decoded anew by each call, which is quicker than to remember it.
	if f.length > 0 && f.spec == nil {
		if result, ok := codec.Scalar[R](f.small[:f.length]); ok {
			return result, nil
		}
	}
	f.decoded.Do(f.decode)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.result, f.err
}

// errDecoderExited is what a result comes to that nothing came back from.
var errDecoderExited = fmt.Errorf("%w: the decoder called runtime.Goexit", codec.ErrDecode)

// decode makes of what was received what the caller sees, once, on the first
// goroutine that wants it.
func (f *Future[R]) decode() {
	f.mu.Lock()
	value, received := f.encoded(), f.err
	f.mu.Unlock()
	remote, failed := received.(*failure)
	if received != nil && !failed {
		return
	}
	var result R
	err := errDecoderExited
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.result, f.err, f.value = result, err, nil
	}()
	if failed {
		err = f.spec.Err(remote.Failure, f.id())
	} else {
		result, err = codec.OpenValue[R](f.spec, value)
	}
}

// Err waits like Result and returns only the error. It mirrors Future.exception.
func (f *Future[R]) Err(ctx context.Context) error {
	_, err := f.Result(ctx)
	return err
}

// Done returns a channel that is closed when the outcome is there.
func (f *Future[R]) Done() <-chan struct{} { return f.finished() }

// State returns where the future stands now. It mirrors Future.done, running and
// cancelled.
func (f *Future[R]) State() State { return f.state() }

// ID returns the task's id.
func (f *Future[R]) ID() codec.ID { return f.id() }

// Cancel cancels the task if it is not known to have started, and reports
// whether the future is cancelled. It mirrors Future.cancel.
//
// A plain future is done at once, whatever ctx and the broker do, and its
// callbacks have run when Cancel returns. Workers are told, and do not start the
// task; one that started it in the same instant finishes it, and its outcome is
// dropped. The client of a pool.Local asks the pool's processes first: a task that one of
// them has begun is not cancelled.
//
// The outcome of a durable future ([Retain], [Key], [Attach]) stands for everybody
// who asks for it, so Cancel has the broker store that the task is cancelled, unless
// there is an outcome already, which the future then takes. Callbacks run as for any
// outcome. Of a task that another client has submitted, Cancel first asks the hosts
// whether it runs, for up to two seconds: then it goes on, keeps its outcome, and
// Cancel reports false.
//
// A delayed task, and the key of one with a key, is removed from the broker in the
// background, once the broker has stored it. [Client.Flush] and [Client.Close] wait
// for that. If the client ends before, the task may run, and nobody gets its outcome.
//
// The error says what is not known: that workers could not be told, or, with a
// durable future that is not cancelled, that the broker or the hosts could not be
// asked. It wraps ctx.Err if ctx ended meanwhile. Without a deadline of ctx's own
// Cancel waits for at most 15 seconds.
func (f *Future[R]) Cancel(ctx context.Context) (bool, error) {
	_, err := f.batch.client.cancel(ctx, false, &f.pending)
	return f.state() == Cancelled, err
}

// Kill is Cancel for a task that may be running, which is stopped then: first
// its context ends, and if that does not help, its process. It reports false
// if the outcome was there before, and with an error. It mirrors the cancel of a
// pebble ProcessFuture.
func (f *Future[R]) Kill(ctx context.Context) (bool, error) {
	_, err := f.batch.client.cancel(ctx, true, &f.pending)
	return f.state() == Cancelled, err
}

// OnDone has fn called once when the future is done, whatever its outcome, which
// Result returns inside fn without waiting. If it is done already, fn has returned
// when OnDone returns. Otherwise the functions added to one future are called
// one after the other, in the order in which they were added, on a goroutine of
// their own. Others who wait for the future may go on before that. It mirrors
// Future.add_done_callback.
//
// Everything is allowed inside fn: blocking, waiting for other futures,
// submitting, cancelling, adding callbacks, [Client.Close]. A panic or a
// runtime.Goexit is logged and harms nothing else.
func (f *Future[R]) OnDone(fn func(*Future[R])) {
	call := func() { fn(f) }
	if !f.onDone(call) {
		<-f.batch.client.callbacks.run(&calls{of: &f.pending, rest: []func(){call}})
	}
}

// OnProgress has fn called with the reports that the running task makes of its
// progress (consumer.Report), one call after the other, on a goroutine of their
// own. When they come faster than fn returns, it is called with the latest.
// Reports may be lost, and of a future attached to another client's task there
// are none. What holds inside fn is as for [Future.OnDone].
func (f *Future[R]) OnProgress(fn func(codec.Progress)) { f.lead().onProgress(fn) }

// Progress returns the latest report of the running task, and false if there has
// been none, or the future is done.
func (f *Future[R]) Progress() (codec.Progress, bool) { return f.lead().progress() }

// String tells id and state, and of a failure the type, but never a value: it
// may end up in a log.
func (f *Future[R]) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := fmt.Sprintf("Future[%v](%s %s", reflect.TypeFor[R](), f.id(), f.state())
	if f.err == nil || f.state() == Cancelled {
		return s + ")"
	}
	err := f.err
	if received, ok := err.(*failure); ok {
		err = received.Err(f.id())
	}
	var remote *codec.RemoteError
	if errors.As(err, &remote) && remote.Type != "" {
		return s + " " + remote.Type + ")"
	}
	return fmt.Sprintf("%s %T)", s, err)
}

func (f *Future[R]) handle() *pending { return &f.pending }

// wait waits until the future is done or ctx ends; the future goes first.
func (p *pending) wait(ctx context.Context) error {
	if p.state().Done() {
		return nil
	}
	defer giveWay(ctx)()
	select {
	case <-p.finished():
		return nil
	case <-ctx.Done():
		state := p.state()
		if state.Done() {
			return nil
		}
		return fmt.Errorf("producer: task %s is %s: %w%s", p.id(), state, ended(ctx), p.batch.client.trouble())
	}
}
