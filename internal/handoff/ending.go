package handoff

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// Ending is how one task of a client ended, and the task, its counts of attempts
// as they are now.
type Ending struct {
	Queue   string
	Client  string
	Task    *codec.Task
	Outcome *codec.Outcome
}

// Plain reports whether the outcome of a task is all there is to pass on of its
// end, so that it may go in a message with others. f is how it failed, if it did.
func Plain(t *codec.Task, f *codec.Failure) bool {
	return t.Retain == 0 && t.Key == "" && t.Object == "" && !t.GivenUp(f)
}

// Settle passes on a task's end, one step after the other: the dead letter, if
// the task is given up; the outcome, to the client or, if it is to be kept, to
// RESULTS; the key, if it has one, so that another task may have it; and the large
// argument, unless a dead letter keeps the task. Then, or when a step fails, it
// calls done once, from another goroutine. What e points to must not change until
// then.
func (d *Desk) Settle(e *Ending, done func(error)) {
	if !e.Task.GivenUp(e.Outcome.Failure) {
		if object := e.Task.Object; object != "" {
			settled := done
			done = func(err error) {
				if err != nil {
					settled(err)
					return
				}
				d.beside(settled, func() {
					d.removeArgument(object)
					settled(nil)
				})
			}
		}
		d.settleOutcome(e, done)
		return
	}
	d.deadLetter(e, func(err error) {
		if err != nil {
			done(err)
			return
		}
		d.settleOutcome(e, done)
	})
}

func (d *Desk) settleOutcome(e *Ending, done func(error)) {
	settled := done
	if e.Task.Key != "" {
		settled = func(err error) {
			if err != nil {
				done(err)
				return
			}
			d.beside(done, func() { d.releaseKey(e, done) }) // it asks and waits
		}
	}
	if e.Task.Retain > 0 {
		d.keep(e.Client, e.Outcome, e.Task.Retain, settled)
		return
	}
	out := codec.NewOutcomes(e.Client, nil)
	out.Add(e.Outcome)
	d.Send(e.Client, out.Bytes(), settled)
}

// removeTimeout bounds the removal of an argument. One that is not removed stays for
// the object store's own age limit.
const removeTimeout = 5 * time.Second

// removeArgument removes the argument of a task that is over. If the delivery comes
// again all the same, the object store still knows that this was so.
func (d *Desk) removeArgument(object string) {
	ctx, cancel := context.WithTimeout(d.life, removeTimeout)
	defer cancel()
	if err := d.objects.Remove(ctx, object); err != nil {
		d.logger.Debug("a large argument stays in the object store", "object", object, "error", err)
	}
}

// beside has what waits run on a goroutine that ends with the desk.
func (d *Desk) beside(done func(error), run func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		go done(ErrClosed)
		return
	}
	d.finished.Go(run)
}

// deadLetter stores the task and why it was given up. Two who give up the same
// task, one after the other, store it once.
func (d *Desk) deadLetter(e *Ending, done func(error)) {
	batch := codec.NewBatch(e.Client, nil)
	batch.Add(e.Task)
	d.bury(broker.DeadSubject(e.Queue, e.Client, e.Task.N), &codec.DeadLetter{
		Queue: e.Queue, At: time.Now(), Failure: e.Outcome.Failure, Message: batch.Bytes(),
	}, done)
}

// Unread puts a message of a queue's aside that is no batch of tasks. It has no
// client that could be told. It calls done once, from another goroutine.
func (d *Desk) Unread(queue string, seq uint64, data []byte, cause error, done func(error)) {
	d.bury(broker.UnreadSubject(queue, seq), &codec.DeadLetter{
		Queue: queue, At: time.Now(), Message: data,
		Failure: &codec.Failure{Code: codec.CodeArgument, Message: cause.Error()},
	}, done)
}

func (d *Desk) bury(subject string, letter *codec.DeadLetter, done func(error)) {
	msg := nats.NewMsg(subject)
	msg.Header.Set(nats.MsgIdHdr, subject)
	msg.Data = codec.AppendDeadLetter(nil, letter)
	d.publisher.Publish(msg, func(_ uint64, err error) {
		if err != nil {
			err = fmt.Errorf("handoff: storing a dead letter: %w", err)
		}
		done(err)
	})
}

const (
	// keyTimeout bounds how long the release of one key may take: longer than a
	// cluster is without a leader.
	keyTimeout = 20 * time.Second
	keyRetry   = 250 * time.Millisecond
)

// releaseKey lets another task have the key. Where that fails the task will run
// again when its delivery comes again, and the release with it.
func (d *Desk) releaseKey(e *Ending, done func(error)) {
	ctx, cancel := context.WithTimeout(d.life, keyTimeout)
	defer cancel()
	id := codec.ID{Client: e.Client, N: e.Task.N}
	for {
		err := broker.ReleaseKey(ctx, d.js, e.Queue, e.Task.Key, id.String())
		if err == nil {
			done(nil)
			return
		}
		select {
		case <-time.After(keyRetry):
		case <-ctx.Done():
			done(fmt.Errorf("handoff: releasing the key of task %s: %w", id, err))
			return
		}
	}
}
