package shellmap

import (
	"sync"
	"time"
)

const (
	// maxBytes bounds the items under way, what their results are expected to take,
	// and the results that are not printed yet, in bytes.
	maxBytes = 32 << 20
	// MaxItems bounds how many items are read ahead of what is printed. Short tasks
	// need that many for messages to be full and worker processes busy.
	MaxItems = 16384
	// firstResult is the assumed size of a result before there is one: so few
	// are under way at first that large ones do not fill the memory.
	firstResult = 64 << 10
)

// entry is what is remembered of an item under way.
type entry struct {
	seq   int // number in the input, from 1
	text  int // bytes of its text
	size  int // bytes in the input
	start time.Time
	hash  uint64
	shown string
}

// window is the items under way, by number of the call, and those that have ended
// and are not printed. It is safe for concurrent use.
type window struct {
	maxBytes int // 0: no bound
	maxItems int

	mu     sync.Mutex
	calls  map[int]entry // under way
	added  int
	items  int           // under way or not printed
	bytes  int           // of items under way, and of results not printed
	result int           // mean bytes of results lately
	room   chan struct{} // has an element when something was printed
}

func newWindow(maxBytes, maxItems int) *window {
	return &window{
		maxBytes: maxBytes, maxItems: maxItems,
		calls: map[int]entry{}, result: firstResult, room: make(chan struct{}, 1),
	}
}

// wait waits until there is room for an item. It reports false if stopped or ended
// is closed first.
func (w *window) wait(size int, stopped, ended <-chan struct{}) bool {
	for !w.fits(size) {
		select {
		case <-w.room:
		case <-stopped:
			return false
		case <-ended:
			return false
		}
	}
	return true
}

// fits reports whether there is room for an item. There always is for one alone.
func (w *window) fits(size int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.items == 0:
		return true
	case w.items >= w.maxItems:
		return false
	}
	return w.maxBytes == 0 || w.bytes+size+(len(w.calls)+1)*w.result <= w.maxBytes
}

// add adds the item of the next call.
func (w *window) add(e entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[w.added] = e
	w.added++
	w.items++
	w.bytes += e.size
}

// end takes out a call that has ended with a result of so many bytes, whose room
// it keeps until it is printed. It reports false if there is no such call.
func (w *window) end(call, result int) (entry, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.calls[call]
	if !ok {
		return e, false
	}
	delete(w.calls, call)
	w.bytes += result - e.size
	w.result += (result - w.result) / 32
	if w.result < result {
		w.result++ // what the division loses
	}
	w.signal() // the result may be smaller than was expected
	return e, true
}

// printed makes the room of results that were printed free.
func (w *window) printed(items, bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.items -= items
	w.bytes -= bytes
	w.signal()
}

func (w *window) signal() {
	select {
	case w.room <- struct{}{}:
	default:
	}
}

// underWay returns the number of items under way.
func (w *window) underWay() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls)
}
