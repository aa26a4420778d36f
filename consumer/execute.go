package consumer

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/musterfleet/muster/codec"
)

// executor runs deliveries one after the other, on one goroutine. A handler that
// calls runtime.Goexit ends that goroutine; then another goes on in its place.
type executor struct {
	*worker
	ctx     context.Context
	current *delivery
	began   time.Time // when the current task, or delivery, began
	scratch []byte    // where results are encoded
}

func (w *worker) execute(ctx context.Context, done chan<- struct{}) {
	e := &executor{worker: w, ctx: ctx}
	e.loop(done)
}

func (e *executor) loop(done chan<- struct{}) {
	ended := false
	defer func() {
		if ended {
			close(done)
			return
		}
		e.finish(&codec.Failure{Code: codec.CodeGoexit, Stack: string(debug.Stack())}, nil)
		go e.loop(done)
	}()
	for {
		if e.current == nil {
			e.current = e.take()
		}
		if e.current == nil {
			ended = true
			return
		}
		e.runDelivery()
	}
}

// take waits for the next delivery; nil means that it is time to stop.
func (e *executor) take() *delivery {
	if e.ctx.Err() != nil {
		return nil
	}
	select {
	case d := <-e.queue:
		return e.begin(d)
	default:
	}
	// Nothing at hand: whoever waits for outcomes shall not wait longer.
	e.outbox.flush()
	e.busy.Store(false)
	e.puller.ask()
	select {
	case d := <-e.queue:
		return e.begin(d)
	case <-e.ctx.Done():
		return nil
	}
}

func (e *executor) begin(d *delivery) *delivery {
	e.busy.Store(true)
	e.began = time.Now()
	e.puller.ask()
	return d
}

// runDelivery runs the tasks that are left of the current delivery. When it is
// time to stop it leaves the rest where it is, on the board.
func (e *executor) runDelivery() {
	d, began := e.current, e.began
	for d.next < len(d.batch.Tasks) {
		if e.ctx.Err() != nil {
			e.current = nil
			return
		}
		e.runTask(&d.batch.Tasks[d.next])
	}
	e.current = nil
	e.observeDelivery(e.began.Sub(began))
}

func (e *executor) runTask(t *codec.Task) {
	d := e.current
	d.slot.Start(t.N, e.began.UnixNano(), 0)
	e.running.set(d.batch.Client, t, e.began)
	if failure := e.refuse(t); failure != nil {
		e.finish(failure, nil)
		return
	}
	result, failure := e.call(t)
	e.finish(failure, result)
}

// refuse gives the failure of a task that is not to be run.
func (e *executor) refuse(t *codec.Task) *codec.Failure {
	switch {
	case e.handlers[t.Func] == nil:
		return &codec.Failure{Code: codec.CodeUnknownFunc, Message: fmt.Sprintf(
			"%q has no handler on host %s, whose program handles %q; consumer.Handle registers one", t.Func, e.Host, Handled())}
	case e.cancels.has(e.current.batch.Client, t.N):
		return &codec.Failure{Code: codec.CodeCancelled}
	case !t.Deadline.IsZero() && e.began.After(t.Deadline):
		return &codec.Failure{Code: codec.CodeExpired, Message: "deadline " + t.Deadline.Format(time.RFC3339Nano)}
	}
	return nil
}

// call runs the handler, and turns a panic into a failure.
func (e *executor) call(t *codec.Task) (result []byte, failure *codec.Failure) {
	ctx := context.Context(context.Background())
	if !t.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, t.Deadline)
		defer cancel()
	}
	defer func() {
		if p := recover(); p != nil {
			failure = &codec.Failure{
				Code: codec.CodePanic, Type: fmt.Sprintf("%T", p), Message: fmt.Sprint(p), Stack: string(debug.Stack()),
			}
		}
	}()
	return e.handlers[t.Func](&taskContext{Context: ctx, logger: e.Logger, info: Info{
		ID:   codec.ID{Client: e.current.batch.Client, N: t.N},
		Func: t.Func, Attempt: t.Attempt(), Deadline: t.Deadline, Header: t.Header,
	}}, e.scratch[:0], t.Arg)
}

// finish notes what the current task came to.
func (e *executor) finish(failure *codec.Failure, result []byte) {
	d := e.current
	t := &d.batch.Tasks[d.next]
	now := time.Now()
	d.slot.Finish()
	e.running.clear()
	if most := int(e.Conn.MaxPayload()) - envelope; failure == nil && len(result) > most {
		failure = &codec.Failure{Code: codec.CodeTooLarge, Message: fmt.Sprintf(
			"the result has %d bytes, the broker carries %d in one message", len(result), most)}
	}
	outcome := codec.Outcome{N: t.N, Value: result, Failure: failure, Run: now.Sub(e.began)}
	if failure != nil {
		failure.Host, failure.PID, failure.Attempt = e.Host, e.PID, t.Attempt()
	}
	d.next++
	e.began = now
	e.outbox.add(d, &outcome, now)
	if cap(result) <= messageBytes {
		e.scratch = result[:0]
	}
}

// envelope is what a message of outcomes holds besides one result, at most.
const envelope = 1 << 10

// observeDelivery learns how long deliveries take: quickly that they take
// longer, slowly that they take less.
func (e *executor) observeDelivery(run time.Duration) {
	next, usual := max(int64(run), 1), e.usual.Load()
	switch {
	case usual == 0:
	case next > usual:
		next = usual + (next-usual+1)/2
	default:
		next = usual - (usual-next)/8
	}
	e.usual.Store(next)
}
