package producer

import (
	"context"
	"iter"
	"math"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/codec"
)

// readTimeout bounds how long the end of a Map waits for a read of the next
// argument. What a loop leaves should be at rest, but a read may block for ever.
const readTimeout = 250 * time.Millisecond

// leaveTimeout bounds how long the end of a Map waits for the broker to store that
// durable calls are cancelled.
const leaveTimeout = 5 * time.Second

// mapping is one iteration of a Map: a goroutine that reads arguments and
// submits calls, and the loop that yields, joined by a passage.
type mapping[A, R any] struct {
	*submission
	f    codec.Func[A, R]
	most int64 // arguments to read ahead

	ctx     context.Context // ends when the loop is left, at the latest
	leave   context.CancelFunc
	ahead   atomic.Int64  // arguments read whose turn has not come
	full    atomic.Bool   // the submitting goroutine waits for ahead to become less
	room    chan struct{} // has an element when it may have
	passage passage[R]

	// The submitting goroutine's own, until the passage is closed.
	read     int
	sent     int
	messages int          // that carry what was sent
	latest   uint64       // batch that a call was added to
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

// unsent stands for the number of a task that there is none of.
const unsent = math.MaxUint64

// indexed returns what a call came to with what is known of it; there may be no call.
func (m *mapped[R]) indexed(result R) Indexed[R] {
	if m == nil {
		return Indexed[R]{Index: -1, Value: result}
	}
	all := Indexed[R]{Index: m.index, Value: result, Run: m.ran.duration()}
	if m.n != unsent {
		all.ID = m.id()
	}
	return all
}

// passage is how calls come from the submitting goroutine, which makes a place for
// each, passes them in the order of their places, and closes the passage, to the
// loop, which takes them until it leaves.
type passage[R any] interface {
	place() *mapped[R]
	pass(*mapped[R]) (wanted bool)
	close()

	next(context.Context) (*mapped[R], error)
	unread(*mapped[R])
	leave() (rest []*mapped[R])
}

func run[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], args iter.Seq[A], options []CallOption, ordered bool, yield func(*mapped[R], R, error) bool) {
	var zero R
	s, err := newSubmission(ctx, c, f, options)
	if err == nil {
		err = s.refuse("Map", true, true, true)
	}
	if err != nil {
		yield(nil, zero, err)
		return
	}
	if c.observer != nil {
		observed, submitted := s.observed(ctx, true)
		s = observed
		defer submitted(codec.ID{}, nil)
	}
	m := &mapping[A, R]{
		submission: s, f: f,
		most:    int64(max(s.buffer, s.chunk)),
		room:    make(chan struct{}, 1),
		passage: newSeries[R](),
	}
	if !ordered {
		m.passage = newArrivals[R]()
	}
	m.ctx, m.leave = context.WithCancel(ctx)
	submitted := make(chan struct{})
	go m.submitAll(args, submitted)
	defer m.end(submitted)

	for {
		call, err := m.passage.next(ctx)
		if call == nil && err == nil { // all is yielded
			err = m.err
		}
		if err != nil {
			yield(nil, zero, err)
		}
		if call == nil {
			return
		}
		// In order, the call may be under way still; then the end of ctx ends all.
		if err := call.wait(ctx); err != nil {
			m.passage.unread(call)
			yield(nil, zero, err)
			return
		}
		m.makeRoom()
		result, err := call.Result(ctx)
		call.result, call.value, call.err = zero, nil, nil // it stands among others that are still to come
		if !yield(call, result, err) {
			return
		}
	}
}

// end leaves nothing behind, neither the submitting goroutine nor a call that
// could still be cancelled, and goes on with the panic of args or its Goexit.
func (m *mapping[A, R]) end(submitted <-chan struct{}) {
	m.leave()
	over := true
	patience := time.NewTimer(readTimeout)
	defer patience.Stop()
	select {
	case <-submitted:
	case <-patience.C:
		over = false
	}
	if over && m.chosen != nil {
		*m.chosen = m.sent / max(m.messages, 1)
	}
	calls := m.passage.leave()
	rest := make([]*pending, len(calls))
	for i, call := range calls {
		rest[i] = &call.pending
	}
	m.cancel(rest...)
	if over && m.panicked != nil {
		panic(m.panicked)
	}
	if over && m.goexit {
		runtime.Goexit()
	}
}

// submitAll submits a call for each argument, and closes the passage.
func (m *mapping[A, R]) submitAll(args iter.Seq[A], submitted chan<- struct{}) {
	defer close(submitted)
	returned := false
	defer func() {
		if m.panicked = recover(); m.panicked != nil {
			m.client.logger.Debug("the arguments of a Map panicked", "panic", m.panicked, "stack", string(debug.Stack()))
		}
		m.goexit = !returned && m.panicked == nil
		m.submitChunk()
		m.passage.close()
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
		m.full.Store(true) // before looking again: whoever makes room looks at it after
		if m.ahead.Load() >= m.most {
			select {
			case <-m.room:
			case <-m.ctx.Done():
				return m.wanted()
			}
		}
		m.full.Store(false)
	}
	return m.wanted()
}

// makeRoom lets another argument be read.
func (m *mapping[A, R]) makeRoom() {
	m.ahead.Add(-1)
	if m.full.Load() {
		select {
		case m.room <- struct{}{}:
		default:
		}
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
	call := m.passage.place()
	call.route, call.index = m.route, m.read
	m.read++
	space := argSpace.Get().(*[]byte)
	encoded, err := m.f.AppendArg((*space)[:0], arg)
	if err == nil && m.plain && len(encoded) <= smallTask {
		var batch uint64
		batch, m.err = m.batch.addCall(m.ctx, &call.pending, m.name, encoded)
		freeArg(space, encoded)
		return m.added(call, batch)
	}
	var task codec.Task
	if err == nil {
		task, err = m.prepare(m.ctx, &call.pending, encoded) // and keeps encoded
	}
	if err != nil {
		argSpace.Put(space)
		call.n = unsent
		call.finish(nil, err)
		m.submitChunk() // what comes before it
		return m.put(call)
	}
	if m.chunk > 0 {
		m.calls, m.tasks = append(m.calls, call), append(m.tasks, task)
		return len(m.tasks) < m.chunk || m.submitChunk()
	}
	batch, err := m.batch.add(m.ctx, &call.pending, &task)
	m.err = err
	freeArg(space, encoded)
	return m.added(call, batch)
}

// added passes on a call whose task is in a batch, unless there was an error.
func (m *mapping[A, R]) added(call *mapped[R], batch uint64) bool {
	if m.err != nil {
		call.finish(nil, codec.ErrCancelled) // nobody has it but its large argument
		return false
	}
	m.sent++
	if batch != m.latest {
		m.latest = batch
		m.messages++
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
	submitted, messages, err := m.batch.addChunk(m.ctx, handles, m.tasks)
	m.sent += submitted
	m.messages += messages
	for _, call := range m.calls[:submitted] {
		m.put(call)
	}
	for _, call := range m.calls[submitted:] {
		call.finish(nil, codec.ErrCancelled)
	}
	m.calls, m.tasks, m.err = nil, nil, err
	return err == nil
}

// put passes a call to the loop: at once, or when it is done. If the loop has
// been left it cancels the call and reports false.
func (m *mapping[A, R]) put(call *mapped[R]) bool {
	if m.passage.pass(call) {
		return true
	}
	m.cancel(&call.pending)
	return false
}

// cancel cancels calls that the loop has left, whose context may have ended.
func (m *mapping[A, R]) cancel(calls ...*pending) {
	ctx, end := context.WithTimeout(context.WithoutCancel(m.ctx), leaveTimeout)
	defer end()
	_, err := m.client.cancel(ctx, false, calls...)
	m.client.warn(err)
}
