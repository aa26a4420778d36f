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
// be sent, codec.ErrName if the func's name cannot be used, [ErrOption],
// [ErrClosed], or ctx.Err. It mirrors Executor.submit.
func Submit[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], arg A, options ...CallOption) (*Future[R], error) {
	s, err := newSubmission(ctx, c, f.Name(), f.Check(), options)
	if err != nil {
		return nil, err
	}
	future := &Future[R]{}
	task, err := prepare(s, future, f, arg)
	if err != nil {
		return nil, err
	}
	if err := s.batcher.add(ctx, &future.pending, &task); err != nil {
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
}

func newSubmission(ctx context.Context, c *Client, name string, nameErr error, options []CallOption) (*submission, error) {
	if nameErr != nil {
		return nil, nameErr
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	call, err := newCall(c, options)
	if err != nil {
		return nil, err
	}
	b, err := c.batcher(ctx, call.queue)
	if err != nil {
		return nil, err
	}
	return &submission{call: call, client: c, batcher: b, stats: c.runTimes.of(name)}, nil
}

// prepare fills in a future and encodes its task.
func prepare[A, R any](s *submission, future *Future[R], f codec.Func[A, R], arg A) (codec.Task, error) {
	future.client, future.batch, future.stats = s.client, s.batcher, s.stats
	encoded, err := f.AppendArg(nil, arg)
	if err != nil {
		return codec.Task{}, err
	}
	task := codec.Task{
		Func: f.Name(), Arg: encoded,
		MaxCrashes: s.maxCrashes, Deadline: s.deadline, Header: s.header,
	}
	return task, s.batcher.checkSize(&task)
}
