// Package outlet writes to pipes and terminals that somebody else may stop reading.
package outlet

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// maxQueued is how many bytes wait to be written before a write waits too.
	maxQueued = 1 << 20
	// writeTimeout is how long a write waits for a reader that is slow. Then lines are
	// lost until the reader goes on.
	writeTimeout = time.Second
)

// Writer passes on what is written to it, in order, and holds nobody up for long: when
// its reader does not read, it loses whole writes, and says how many when the reader
// goes on. So a stopped reader costs lines of a log, and not the work. It has a
// goroutine only while there is something to pass on. It is safe for concurrent use.
type Writer struct {
	to io.Writer

	mu     sync.Mutex
	queue  [][]byte
	queued int           // bytes
	lost   int           // writes
	idle   chan struct{} // closed when the goroutine has ended; nil: there is none
	room   chan struct{} // closed when something has been passed on; nil: nobody waits
}

// New returns a Writer that passes on to another.
func New(to io.Writer) *Writer { return &Writer{to: to} }

// Write takes p, as one line or some whole ones. It always succeeds.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full(p) && w.lost == 0 { // who has lost a line already does not wait
		w.await(p)
	}
	if w.full(p) {
		w.lost++
		return len(p), nil
	}
	w.queue = append(w.queue, append([]byte(nil), p...))
	w.queued += len(p)
	if w.idle == nil {
		w.idle = make(chan struct{})
		go w.run(w.idle)
	}
	return len(p), nil
}

// full is called with mu held.
func (w *Writer) full(p []byte) bool { return w.queued > 0 && w.queued+len(p) > maxQueued }

// await waits for room, without mu, which is held when it is called and when it returns.
func (w *Writer) await(p []byte) {
	timeout := time.NewTimer(writeTimeout)
	defer timeout.Stop()
	for w.full(p) {
		if w.room == nil {
			w.room = make(chan struct{})
		}
		room := w.room
		w.mu.Unlock()
		late := false
		select {
		case <-room:
		case <-timeout.C:
			late = true
		}
		w.mu.Lock()
		if late {
			return
		}
	}
}

// run passes on until there is nothing left.
func (w *Writer) run(idle chan struct{}) {
	defer close(idle)
	for {
		w.mu.Lock()
		if len(w.queue) == 0 {
			w.queue, w.idle = nil, nil
			w.mu.Unlock()
			return
		}
		line := w.queue[0]
		w.mu.Unlock()
		_, _ = w.to.Write(line) // nobody is left to tell
		w.mu.Lock()
		w.queue[0] = nil
		w.queue = w.queue[1:]
		w.queued -= len(line)
		if w.lost > 0 {
			note := fmt.Appendf(nil, "muster: lines lost here because nobody read them: %d\n", w.lost)
			w.queue, w.queued, w.lost = append(w.queue, note), w.queued+len(note), 0
		}
		if w.room != nil {
			close(w.room)
			w.room = nil
		}
		w.mu.Unlock()
	}
}

// Flush waits until what was written has been passed on, for at most the timeout.
func (w *Writer) Flush(timeout time.Duration) {
	w.mu.Lock()
	idle := w.idle
	w.mu.Unlock()
	if idle == nil {
		return
	}
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case <-idle:
	case <-late.C:
	}
}
