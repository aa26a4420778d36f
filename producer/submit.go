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
// its future.
//
// Its error wraps codec.ErrEncode or codec.ErrTooLarge if the argument cannot
// be sent, codec.ErrName or codec.ErrOption if the func cannot be used,
// codec.ErrDepth if ctx is that of a task that is itself such a call, and so on
// more than ten times, [ErrOption], [ErrClosed], with a key [ErrNotStored] or
// [ErrAttached], or ctx.Err. It mirrors
// Executor.submit.
func Submit[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], arg A, options ...CallOption) (*Future[R], error) {
	s, err := newSubmission(ctx, c, f, options)
	if err != nil {
		return nil, err
	}
	if err := s.refuse("submitted call", false, false, true); err != nil {
		return nil, err
	}
	future := &Future[R]{}
	task, err := prepare(ctx, &s, future, f, arg)
	if err != nil {
		return nil, err
	}
	switch {
	case s.key != "":
		return submitUnique(ctx, &s, future, f, &task)
	case s.delayed():
		err = s.batcher.addDelayed(ctx, &future.pending, &task, s.at)
	default:
		err = s.batcher.add(ctx, &future.pending, &task)
	}
	if err != nil {
		future.finish(nil, err) // for who waits for it: its large argument
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
	case err == nil, errors.Is(err, ErrNotStored):
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
	task.N = p.n
	batch := s.batcher.batchOf(c.id, task)
	batch.Key = s.key
	ctx, cancel := c.within(ctx)
	defer cancel()
	holder, err := c.transport.SendUnique(ctx, batch)
	for err == nil && holder != p.id() && c.releaseOver(ctx, s, holder) {
		holder, err = c.transport.SendUnique(ctx, batch)
	}
	switch {
	case err == nil:
		return holder, nil
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
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	kept, err := c.transport.Results().Get(ctx, holder)
	return err == nil && kept != nil && c.transport.Release(ctx, s.queue, s.key, holder) == nil
}

// submission is what the calls of one Submit or one Map have in common.
type submission struct {
	call
	client  *Client
	batcher *batcher
	stats   *runTimes
	spec    *codec.Spec
	depth   int // how many tasks the calls are made within
}

func newSubmission[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], options []CallOption) (submission, error) {
	if err := f.Check(); err != nil {
		return submission{}, err
	}
	if ctx.Err() != nil {
		return submission{}, ended(ctx)
	}
	depth, err := depthOf(ctx)
	if err != nil {
		return submission{}, err
	}
	call, err := newCall(c, options)
	if err != nil {
		return submission{}, err
	}
	b, err := c.batcher(ctx, call.queue, call.lane)
	if err != nil {
		return submission{}, err
	}
	return submission{
		call: call, client: c, batcher: b,
		stats: c.runTimes.of(f.Name()), spec: f.Spec(), depth: depth,
	}, nil
}

// prepare fills in a future and encodes its task. It stores the argument by
// itself if that is too large for a message.
func prepare[A, R any](ctx context.Context, s *submission, future *Future[R], f codec.Func[A, R], arg A) (codec.Task, error) {
	future.batch, future.stats, future.spec = s.batcher, s.stats, s.spec
	if s.retain > 0 || s.delayed() {
		future.traits = &traits{retain: s.retain, queue: s.queue, key: s.key, delayed: s.delayed()}
	}
	encoded, err := f.AppendArg(nil, arg)
	if err != nil {
		return codec.Task{}, err
	}
	task := s.task(f.Name(), encoded)
	if !s.batcher.fits(&task) {
		return task, s.client.putLarge(ctx, &future.pending, &task)
	}
	return task, nil
}

// task gives a task as the options say.
func (s *submission) task(name string, arg []byte) codec.Task {
	return codec.Task{
		Func: name, Arg: arg, MaxCrashes: s.maxCrashes, MaxErrors: s.maxErrors, Backoff: s.backoff,
		Deadline: s.deadline, Limit: s.limit, Depth: s.depth, Retain: s.retain, Key: s.key, Header: s.header,
	}
}
