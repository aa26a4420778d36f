package producer

import (
	"context"
	"iter"

	"github.com/musterfleet/muster/codec"
)

// DefaultBuffer is how many calls Map keeps ahead of the result it yields next.
const DefaultBuffer = 4096

// Map calls f with each argument and yields the results in the order of the
// arguments, each with its error: a call that fails yields its error and the
// iteration goes on. Nothing is submitted before the iteration starts; then Map
// reads arguments ahead of the results, as many as [Buffer] says, so args may be
// endless. Options and ctx are those of [Submit]; an error of Submit is yielded
// in its argument's place, and the iteration goes on unless the client is closed
// or ctx has ended, which ends it.
//
// Breaking out of the loop cancels the calls that have not started and returns
// at once; only a read of the next argument that is under way is left to end by
// itself. It mirrors Executor.map with buffersize, but reports errors per item.
func Map[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], args iter.Seq[A], options ...CallOption) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		m := &mapping[A, R]{f: f}
		m.run(ctx, c, args, options, yield)
	}
}

// mapping is one iteration of Map: a goroutine that submits, and the loop that
// yields, joined by a queue of what was submitted in order.
type mapping[A, R any] struct {
	f     codec.Func[A, R]
	s     *submission
	queue chan submitted[R]

	// A chunk that is being collected.
	futures []*Future[R]
	tasks   []codec.Task
}

// submitted is a call's future, or the reason why there is none.
type submitted[R any] struct {
	future *Future[R]
	err    error
	panic  any // of the arguments' iterator, to go on in the caller
	last   bool
}

func (m *mapping[A, R]) run(ctx context.Context, c *Client, args iter.Seq[A], options []CallOption, yield func(R, error) bool) {
	var zero R
	s, err := newSubmission(ctx, c, m.f.Name(), m.f.Check(), options)
	if err != nil {
		yield(zero, err)
		return
	}
	m.s = s
	m.queue = make(chan submitted[R], s.buffer)
	// done tells the submitting goroutine that nobody listens any more.
	submitting, done := context.WithCancel(ctx)
	go m.submitAll(submitting, args)
	defer func() {
		done()
		go m.cancelRest()
	}()

	for item := range m.queue {
		switch {
		case item.panic != nil:
			panic(item.panic)
		case item.err != nil:
			if !yield(zero, item.err) || item.last {
				return
			}
		default:
			result, err := item.future.Result(ctx)
			if err != nil && ctx.Err() != nil && !item.future.State().Done() {
				item.future.Cancel()
				yield(zero, err)
				return
			}
			if !yield(result, err) {
				return
			}
		}
	}
}

// submitAll submits a call for each argument, and closes the queue.
func (m *mapping[A, R]) submitAll(ctx context.Context, args iter.Seq[A]) {
	defer close(m.queue)
	defer func() {
		if p := recover(); p != nil {
			m.put(ctx, submitted[R]{panic: p})
		}
	}()
	for arg := range args {
		if !m.submit(ctx, arg) {
			return
		}
	}
	m.submitChunk(ctx)
}

// submit submits one call, or adds it to the chunk, and reports whether to go on.
func (m *mapping[A, R]) submit(ctx context.Context, arg A) bool {
	future := &Future[R]{}
	task, err := prepare(m.s, future, m.f, arg)
	if err != nil {
		// In its place: after the calls before it.
		return m.submitChunk(ctx) && m.put(ctx, submitted[R]{err: err})
	}
	if m.s.chunk > 0 {
		m.futures, m.tasks = append(m.futures, future), append(m.tasks, task)
		return len(m.tasks) < m.s.chunk || m.submitChunk(ctx)
	}
	if err := m.s.batcher.add(ctx, &future.pending, &task); err != nil {
		m.put(ctx, submitted[R]{err: err, last: true})
		return false
	}
	return m.put(ctx, submitted[R]{future: future})
}

func (m *mapping[A, R]) submitChunk(ctx context.Context) bool {
	if len(m.tasks) == 0 {
		return true
	}
	handles := make([]*pending, len(m.futures))
	for i, future := range m.futures {
		handles[i] = &future.pending
	}
	err := m.s.batcher.addChunk(ctx, handles, m.tasks)
	if err != nil {
		m.put(ctx, submitted[R]{err: err, last: true})
		return false
	}
	for _, future := range m.futures {
		if !m.put(ctx, submitted[R]{future: future}) {
			return false
		}
	}
	m.futures, m.tasks = nil, nil
	return true
}

// put queues an item for the loop, and cancels its future if nobody listens.
func (m *mapping[A, R]) put(ctx context.Context, item submitted[R]) bool {
	select {
	case m.queue <- item:
		return true
	case <-ctx.Done():
		// The loop may still want to know that ctx ended.
		select {
		case m.queue <- item:
			return true
		default:
		}
		if item.future != nil {
			item.future.Cancel()
		}
		return false
	}
}

// cancelRest cancels what the loop did not get to.
func (m *mapping[A, R]) cancelRest() {
	for item := range m.queue {
		if item.future != nil {
			item.future.Cancel()
		}
	}
}
