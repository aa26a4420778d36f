package shellmap

import (
	"sync"
	"time"
)

const (
	// maxWindow bounds what the items under way and their results may come to, in
	// bytes.
	maxWindow = 32 << 20
	// firstResult is what a result is taken to come to before there is one: so few
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

// window is the items under way, by number of the call. One goroutine adds,
// another takes, anybody counts.
type window struct {
	most int // bytes, or 0

	mu     sync.Mutex
	calls  map[int]entry
	added  int
	bytes  int           // of the items
	result int           // mean bytes of results lately
	room   chan struct{} // has an element when something was taken
}

func newWindow(most int) *window {
	return &window{most: most, calls: map[int]entry{}, result: firstResult, room: make(chan struct{}, 1)}
}

// wait waits until there is room for an item. It reports false if stopped is
// closed first.
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

// fits reports whether there is room for an item; by itself there is for any.
func (w *window) fits(size int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.most == 0 || len(w.calls) == 0 || w.bytes+size+(len(w.calls)+1)*w.result <= w.most
}

// add adds the item of the next call.
func (w *window) add(e entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[w.added] = e
	w.added++
	w.bytes += e.size
}

// take takes out a call whose result has come, of so many bytes. It gives no
// entry if there is no such call.
func (w *window) take(call, result int) (entry, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.calls[call]
	if !ok {
		return e, false
	}
	delete(w.calls, call)
	w.bytes -= e.size
	w.result += (result - w.result) / 32
	if w.result < result {
		w.result++ // what the division loses
	}
	select {
	case w.room <- struct{}{}:
	default:
	}
	return e, true
}

// count gives the number of items under way.
func (w *window) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls)
}
