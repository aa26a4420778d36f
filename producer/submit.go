package producer

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterfleet/muster/codec"
)

// Submit submits one call of f and returns its future, without waiting for the
// result, nor for the broker to have stored the task: [Client.Flush] waits for
// that. The argument is encoded before Submit returns, so changing it
// afterwards changes nothing. Submit waits only while too much is under way to
// the broker, and then until ctx ends. ctx does not govern the task.
//
// A call with a [Key] goes to the broker by itself, and Submit waits for the
// answer: the future is that of the task which has the key, by its ID. If ctx
// ends meanwhile, the task may be stored all the same; to submit it again gives
// its future. If the task that has the key calls another func, Submit fails with
// [ErrKeyHeld].
//
// Its error wraps codec.ErrEncode or codec.ErrTooLarge if the argument cannot
// be sent, codec.ErrName or codec.ErrOption if the func cannot be used,
// codec.ErrDepth if ctx is that of a task that is itself such a call, and so on
// more than ten times, [ErrOption], [ErrClosed], with a key [ErrNotStored],
// [ErrKeyHeld] or [ErrAttached], or ctx.Err. It mirrors
// Executor.submit.
func Submit[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], arg A, options ...CallOption) (*Future[R], error) {
	s, err := newSubmission(ctx, c, f, options)
	if err != nil {
		return nil, err
	}
	if err := s.refuse("submitted call", false, false, true); err != nil {
		return nil, err
	}
	if c.observer == nil {
		return submit(ctx, s, f, arg)
	}
	s, submitted := s.observed(ctx, false)
	future, err := submit(ctx, s, f, arg)
	if err != nil {
		submitted(codec.ID{}, err)
		return nil, err
	}
	submitted(future.ID(), nil)
	return future, nil
}

// submit submits one call of a submission.
func submit[A, R any](ctx context.Context, s *submission, f codec.Func[A, R], arg A) (*Future[R], error) {
	space := argSpace.Get().(*[]byte)
	encoded, err := f.AppendArg((*space)[:0], arg)
	if err != nil {
		argSpace.Put(space)
		return nil, err
	}
	defer freeArg(space, encoded)
	future := &Future[R]{}
	if s.plain && len(encoded) <= smallTask {
		future.route = s.route
		if _, err := s.batch.addCall(ctx, &future.pending, s.name, encoded); err != nil {
			return nil, err
		}
		return future, nil
	}
	task, err := s.prepare(ctx, &future.pending, encoded)
	if err != nil {
		return nil, err
	}
	switch {
	case s.key != "":
		return submitUnique(ctx, s, future, f, &task)
	case s.delayed():
		err = s.batch.addDelayed(ctx, &future.pending, &task, s.at)
	default:
		_, err = s.batch.add(ctx, &future.pending, &task)
	}
	if err != nil {
		future.finish(nil, codec.ErrCancelled) // nobody has the future but its large argument
		return nil, err
	}
	return future, nil
}

// submitUnique submits a call with a key, or attaches to the task that has it.
func submitUnique[A, R any](ctx context.Context, s *submission, future *Future[R], f codec.Func[A, R], task *codec.Task) (*Future[R], error) {
	c := s.client
	holder, err := c.sendUnique(ctx, s, &future.pending, task)
	if err == nil && holder == future.ID() {
		return future, nil
	}
	c.registry.take(future.n)
	switch { // nobody has the future but its large argument
	case err == nil, errors.Is(err, ErrNotStored), errors.Is(err, ErrKeyHeld):
		future.finish(nil, codec.ErrCancelled)
	default: // the task may be stored, and then needs it
		future.finish(nil, ErrClosed)
	}
	if err != nil {
		return nil, err
	}
	met, err := attach(ctx, c, f, holder, traits{retain: s.retain, queue: s.queue, key: s.key})
	if err != nil {
		return nil, err
	}
	c.met.begin() // Close waits for it, as for any call that was submitted
	met.notify(c, c.met.end)
	return met, nil
}

// sendUnique registers p and stores its task unless another has its key. It gives
// the id of the one that has it.
func (c *Client) sendUnique(ctx context.Context, s *submission, p *pending, task *codec.Task) (codec.ID, error) {
	if err := c.register(p); err != nil {
		return codec.ID{}, err
	}
	defer close(p.traits.stored) // or nobody knows, which waiting would not change
	task.N = p.n
	batch := s.batch.batchOf(c.id, task)
	batch.Key, batch.Func = s.key, s.name
	ctx, cancel := c.within(ctx)
	defer cancel()
	c.counters.publish(batch.Data)
	holder, err := c.transport.SendUnique(ctx, batch)
	for err == nil && holder.ID != p.id() && c.releaseOver(ctx, s, holder.ID) {
		holder, err = c.transport.SendUnique(ctx, batch)
	}
	switch {
	case err == nil && holder.Func != "" && holder.Func != s.name:
		return codec.ID{}, fmt.Errorf("%w: task %s has the key %q of queue %s and calls %q, not %q; use another key",
			ErrKeyHeld, holder.ID, s.key, s.queue, holder.Func, s.name)
	case err == nil:
		return holder.ID, nil
	case c.life.Err() != nil:
		return codec.ID{}, ErrClosed
	case ctx.Err() != nil:
		return codec.ID{}, fmt.Errorf("producer: submitting with the key %q: %w%s", s.key, ended(ctx), c.trouble())
	}
	return codec.ID{}, notStored(p.id(), err)
}

// releaseOver takes the key from a task that has its outcome, and reports whether
// it has. Such a task is about to give the key up, or had done so before the broker
// was killed, which may undo it.
func (c *Client) releaseOver(ctx context.Context, s *submission, holder codec.ID) bool {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	kept, err := c.transport.Results().Get(ctx, holder)
	return err == nil && kept != nil && c.transport.Release(ctx, s.queue, s.key, holder) == nil
}
