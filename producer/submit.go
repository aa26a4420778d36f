package producer

import (
	"context"

	"github.com/musterfleet/muster/codec"
)

// Submit submits one call of f and returns its future, without waiting for the
// result, nor for the broker to have stored the task: [Client.Flush] waits for
// that. The argument is encoded before Submit returns, so changing it
// afterwards changes nothing. Submit waits only while too much is under way to
// the broker, and then until ctx ends. ctx does not govern the task.
//
// Its error wraps codec.ErrEncode or codec.ErrTooLarge if the argument cannot
// be sent, codec.ErrName or codec.ErrOption if the func cannot be used,
// codec.ErrDepth if ctx is that of a task that is itself such a call, and so on
// more than ten times, [ErrOption], [ErrClosed], or ctx.Err. It mirrors
// Executor.submit.
func Submit[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], arg A, options ...CallOption) (*Future[R], error) {
	s, err := newSubmission(ctx, c, f, options)
	if err != nil {
		return nil, err
	}
	future := &Future[R]{}
	task, err := prepare(ctx, &s, future, f, arg)
	if err != nil {
		return nil, err
	}
	if err := s.batcher.add(ctx, &future.pending, &task); err != nil {
		future.finish(nil, err) // for who waits for it: its large argument
		return nil, err
	}
	return future, nil
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
	b, err := c.batcher(ctx, call.queue)
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
	encoded, err := f.AppendArg(nil, arg)
	if err != nil {
		return codec.Task{}, err
	}
	task := codec.Task{
		Func: f.Name(), Arg: encoded, MaxCrashes: s.maxCrashes,
		Deadline: s.deadline, Limit: s.limit, Depth: s.depth, Header: s.header,
	}
	if !s.batcher.fits(&task) {
		return task, s.client.putLarge(ctx, &future.pending, &task)
	}
	return task, nil
}
