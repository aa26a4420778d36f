package producer

import (
	"context"
	"iter"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/codec"
)

// readPatience bounds how long the end of a Map waits for a read of the next
// argument. What a loop leaves should be at rest, but a read may block for ever.
const readPatience = 250 * time.Millisecond

// mapping is one iteration of a Map: a goroutine that reads arguments and
// submits calls, and the loop that yields, joined by a feed.
type mapping[A, R any] struct {
	*submission
	f       codec.Func[A, R]
	ordered bool
	most    int64 // arguments to read ahead

	ctx   context.Context // ends when the loop is left, at the latest
	leave context.CancelFunc
	ahead atomic.Int64  // arguments read whose turn has not come
	room  chan struct{} // has an element when ahead may have become less
	feed  *feed[*mapped[R]]

	// The submitting goroutine's own, until the feed is closed.
	read     int
	calls    []*mapped[R] // of the chunk that is being collected
	tasks    []codec.Task // theirs
	err      error        // that ended the submitting
	panicked any          // what args panicked with
	goexit   bool         // args called runtime.Goexit
}

// mapped is one call of a Map. Its future is done from the start if the argument
// could not be sent.
type mapped[R any] struct {
	Future[R]
	index int
}

func run[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], args iter.Seq[A], options []CallOption, ordered bool, yield func(int, R, error) bool) {
	var zero R
	s, err := newSubmission(ctx, c, f, options)
	if err == nil {
		err = s.refuse("Map", true, true, true)
	}
	if err != nil {
		yield(-1, zero, err)
		return
	}
	m := &mapping[A, R]{
		submission: s, f: f, ordered: ordered,
		most: int64(max(s.buffer, s.chunk)),
		room: make(chan struct{}, 1),
		feed: newFeed[*mapped[R]](),
	}
	m.ctx, m.leave = context.WithCancel(ctx)
	submitted := make(chan struct{})
	go m.submitAll(args, submitted)
	defer m.end(submitted)

	for {
		call, err := m.feed.next(ctx)
		if call == nil && err == nil { // all is yielded
			err = m.err
		}
		if err != nil {
			yield(-1, zero, err)
		}
		if call == nil {
			return
		}
		// In order, the call may be under way still; then the end of ctx ends all.
		if err := call.wait(ctx); err != nil {
			m.feed.unread(call)
			yield(-1, zero, err)
			return
		}
		m.makeRoom()
		result, err := call.Result(ctx)
		if !yield(call.index, result, err) {
			return
		}
	}
}

// end leaves nothing behind, neither the submitting goroutine nor a call that
// could still be cancelled, and goes on with the panic of args or its Goexit.
func (m *mapping[A, R]) end(submitted <-chan struct{}) {
	m.leave()
	over := true
	patience := time.NewTimer(readPatience)
	defer patience.Stop()
	select {
	case <-submitted:
	case <-patience.C:
		over = false
	}
	calls := m.feed.leave()
	rest := make([]*pending, len(calls))
	for i, call := range calls {
		rest[i] = &call.pending
	}
	m.client.cancel(false, rest...)
	if over && m.panicked != nil {
		panic(m.panicked)
	}
	if over && m.goexit {
		runtime.Goexit()
	}
}

// submitAll submits a call for each argument, and closes the feed.
func (m *mapping[A, R]) submitAll(args iter.Seq[A], submitted chan<- struct{}) {
	defer close(submitted)
	returned := false
	defer func() {
		if m.panicked = recover(); m.panicked != nil {
			m.client.logger.Debug("the arguments of a Map panicked", "panic", m.panicked, "stack", string(debug.Stack()))
		}
		m.goexit = !returned && m.panicked == nil
		m.submitChunk()
		m.feed.close()
	}()
	if m.hasRoom() {
		for arg := range args {
			if !m.submit(arg) || !m.hasRoom() {
				break
			}
		}
	}
	returned = true
}

// hasRoom waits until another argument may be read, and reports whether one is
// wanted.
func (m *mapping[A, R]) hasRoom() bool {
	for m.ahead.Load() >= m.most {
		select {
		case <-m.room:
		case <-m.ctx.Done():
			return m.wanted()
		}
	}
	return m.wanted()
}

// makeRoom lets another argument be read.
func (m *mapping[A, R]) makeRoom() {
	m.ahead.Add(-1)
	select {
	case m.room <- struct{}{}:
	default:
	}
}

// wanted reports whether the submitting shall go on.
func (m *mapping[A, R]) wanted() bool {
	if m.err == nil && m.ctx.Err() != nil {
		m.err = ended(m.ctx)
	}
	return m.err == nil
}

// submit submits one call, or adds it to the chunk, and reports whether to go on.
func (m *mapping[A, R]) submit(arg A) bool {
	if !m.wanted() {
		return false
	}
	m.ahead.Add(1)
	call := &mapped[R]{index: m.read}
	m.read++
	encoded, err := m.f.AppendArg(nil, arg)
	var task codec.Task
	if err == nil {
		task, err = m.prepare(m.ctx, &call.pending, encoded)
	}
	if err != nil {
		call.finish(nil, err)
		m.submitChunk() // what comes before it
		return m.put(call)
	}
	if m.chunk > 0 {
		m.calls, m.tasks = append(m.calls, call), append(m.tasks, task)
		return len(m.tasks) < m.chunk || m.submitChunk()
	}
	if m.err = m.batch.add(m.ctx, &call.pending, &task); m.err != nil {
		call.finish(nil, m.err)
		return false
	}
	return m.put(call)
}

// submitChunk submits the calls that were collected.
func (m *mapping[A, R]) submitChunk() bool {
	if len(m.calls) == 0 || !m.wanted() {
		return m.err == nil
	}
	handles := make([]*pending, len(m.calls))
	for i, call := range m.calls {
		handles[i] = &call.pending
	}
	submitted, err := m.batch.addChunk(m.ctx, handles, m.tasks)
	for _, call := range m.calls[:submitted] {
		m.put(call)
	}
	for _, call := range m.calls[submitted:] {
		call.finish(nil, err)
	}
	m.calls, m.tasks, m.err = nil, nil, err
	return err == nil
}

// put passes a call to the loop: at once, or when it is done. If the loop has
// been left it cancels the call and reports false.
func (m *mapping[A, R]) put(call *mapped[R]) bool {
	switch {
	case m.ordered:
		if m.feed.put(call) {
			return true
		}
	case m.feed.expect(call):
		call.notify(m, func() { m.feed.put(call) })
		return true
	}
	m.client.cancel(false, &call.pending)
	return false
}
