package producer

import (
	"context"
	"sync/atomic"
)

// blockSize is how many calls of a Map are made at a time.
const blockSize = 128

// series passes the calls of a Map, in their order, from the goroutine that
// submits them to the loop that yields them. They stand in blocks that both walk
// through, so that passing one takes no lock; how many are passed is bounded by
// who submits.
type series[R any] struct {
	// The submitting goroutine's own.
	tail   *block[R] // with the place of the next call
	placed int       // of tail
	open   *block[R] // with the next call to be put
	put    int       // of open

	// The loop's own.
	head  *block[R] // with the next call to be taken
	taken int       // of head

	closed atomic.Bool   // nothing more will be put
	left   atomic.Bool   // nobody takes any more
	sleeps atomic.Bool   // the loop waits
	wake   chan struct{} // has an element when there may be news
}

// block is some calls in a row.
type block[R any] struct {
	calls [blockSize]mapped[R]
	ready atomic.Int64 // calls that were put
	next  atomic.Pointer[block[R]]
}

func newSeries[R any]() *series[R] {
	b := &block[R]{}
	return &series[R]{tail: b, open: b, head: b, wake: make(chan struct{}, 1)}
}

// place returns a place for the next call.
func (s *series[R]) place() *mapped[R] {
	if s.placed == blockSize {
		b := &block[R]{}
		s.tail.next.Store(b)
		s.tail, s.placed = b, 0
	}
	s.placed++
	return &s.tail.calls[s.placed-1]
}

// pass puts the next call that has a place, and reports false if nobody takes any
// more.
func (s *series[R]) pass(*mapped[R]) bool {
	if s.put == blockSize {
		s.open, s.put = s.open.next.Load(), 0
	}
	s.put++
	s.open.ready.Store(int64(s.put))
	s.news()
	return !s.left.Load()
}

// close says that nothing more will be put.
func (s *series[R]) close() {
	s.closed.Store(true)
	s.news()
}

func (s *series[R]) news() {
	if s.sleeps.Load() {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// next takes the next call. It returns nil when there will be none, and an error as
// well when there is none and ctx has ended.
func (s *series[R]) next(ctx context.Context) (*mapped[R], error) {
	for {
		if call := s.take(); call != nil {
			return call, nil
		}
		s.sleeps.Store(true) // before looking again: whoever puts looks at it after
		over := s.closed.Load()
		if call := s.take(); call != nil || over {
			s.sleeps.Store(false)
			return call, nil
		}
		if ctx.Err() != nil {
			return nil, ended(ctx)
		}
		resume := giveWay(ctx)
		select {
		case <-s.wake:
		case <-ctx.Done():
		}
		resume()
		s.sleeps.Store(false)
	}
}

// take returns the next call, or nil if none was put.
func (s *series[R]) take() *mapped[R] {
	if s.taken == blockSize {
		next := s.head.next.Load()
		if next == nil {
			return nil
		}
		s.head, s.taken = next, 0
	}
	if int64(s.taken) >= s.head.ready.Load() {
		return nil
	}
	s.taken++
	return &s.head.calls[s.taken-1]
}

// unread puts back the call that next gave last.
func (s *series[R]) unread(*mapped[R]) { s.taken-- }

// leave ends the taking, and returns what was not taken.
func (s *series[R]) leave() (rest []*mapped[R]) {
	s.left.Store(true)
	for call := s.take(); call != nil; call = s.take() {
		rest = append(rest, call)
	}
	return rest
}
