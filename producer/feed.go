package producer

import (
	"context"
	"sync"
)

// feed passes items from several goroutines to one, in the order in which they
// are put. Putting never blocks; how many are put is bounded by those who put.
type feed[T comparable] struct {
	mu       sync.Mutex
	ready    []T
	expected map[T]bool    // promised and not yet put
	closed   bool          // nothing more will be put or expected, but what is expected
	left     bool          // nobody takes any more
	wake     chan struct{} // has an element when there may be news

	// The taking goroutine's own: taken[head:] is out of ready and not given yet.
	taken []T
	head  int
}

func newFeed[T comparable]() *feed[T] {
	return &feed[T]{expected: map[T]bool{}, wake: make(chan struct{}, 1)}
}

// put adds an item, and reports false if nobody takes any more.
func (f *feed[T]) put(item T) bool {
	f.mu.Lock()
	left := f.left
	if !left {
		f.ready = append(f.ready, item)
		delete(f.expected, item)
	}
	f.mu.Unlock()
	f.news()
	return !left
}

// expect announces an item that will be put, and reports false if nobody takes
// any more.
func (f *feed[T]) expect(item T) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.left {
		f.expected[item] = true
	}
	return !f.left
}

// close says that nothing more will be put, but for what is expected.
func (f *feed[T]) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.news()
}

func (f *feed[T]) news() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// next takes the next item. It returns the zero value when there will be none, and
// an error as well when there is none and ctx has ended.
func (f *feed[T]) next(ctx context.Context) (item T, err error) {
	for {
		if f.head < len(f.taken) {
			f.taken[f.head], item = item, f.taken[f.head]
			f.head++
			return item, nil
		}
		over := f.refill()
		switch {
		case f.head < len(f.taken):
			continue
		case over:
			return item, nil
		case ctx.Err() != nil:
			return item, ended(ctx)
		}
		resume := giveWay(ctx)
		select {
		case <-f.wake:
		case <-ctx.Done():
		}
		resume()
	}
}

// refill takes what is ready, in exchange for the space of what was taken
// before, and reports whether nothing will come any more.
func (f *feed[T]) refill() (over bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.taken, f.ready, f.head = f.ready, f.taken[:0], 0
	return f.closed && len(f.expected) == 0
}

// unread puts back the item that next gave last.
func (f *feed[T]) unread(item T) {
	f.head--
	f.taken[f.head] = item
}

// leave ends the taking, and returns what was not taken or is still expected.
func (f *feed[T]) leave() []T {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = true
	rest := append(f.taken[f.head:], f.ready...)
	for item := range f.expected {
		rest = append(rest, item)
	}
	f.taken, f.ready, f.expected = nil, nil, nil
	return rest
}
