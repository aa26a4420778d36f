package shellmap

import (
	"io"
	"sync"

	"github.com/musterfleet/muster/internal/joblog"
)

// maxUnwritten is how many bytes may wait to be written before add waits.
const maxUnwritten = 256 << 10

// output writes in the background: at once while nothing is being written, and
// together what comes meanwhile. So a line never waits for the next, and many
// lines take few system calls. Its methods belong to one goroutine.
type output struct {
	results io.Writer
	log     *joblog.Log // or nil, if there are no records
	failed  func(error)
	done    chan struct{}

	mu      sync.Mutex
	changed *sync.Cond // when next was empty, or full
	next    written
	closed  bool
	err     error
}

// written is what is written together: results, and then their records, so that
// the log tells of no result that was not printed.
type written struct{ lines, records []byte }

func (w *written) size() int { return len(w.lines) + len(w.records) }

// newOutput gives an output that calls failed once if writing fails.
func newOutput(results io.Writer, log *joblog.Log, failed func(error)) *output {
	o := &output{results: results, log: log, failed: failed, done: make(chan struct{})}
	o.changed = sync.NewCond(&o.mu)
	go o.write()
	return o
}

// add has a result and its record written, each of which may be empty. It waits
// while too much is unwritten. After an error it drops them.
func (o *output) add(line, record []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.next.size() >= maxUnwritten && o.err == nil {
		o.changed.Wait()
	}
	if o.err == nil {
		o.next.lines = append(o.next.lines, line...)
		o.next.records = append(o.next.records, record...)
		o.changed.Signal()
	}
}

// close waits until everything is written, and gives the first error.
func (o *output) close() error {
	o.mu.Lock()
	o.closed = true
	o.changed.Signal()
	o.mu.Unlock()
	<-o.done
	return o.err
}

func (o *output) write() {
	defer close(o.done)
	o.mu.Lock()
	defer o.mu.Unlock()
	var now written
	for o.err == nil {
		for o.next.size() == 0 && !o.closed {
			o.changed.Wait()
		}
		if o.next.size() == 0 {
			return
		}
		now, o.next = o.next, written{now.lines[:0], now.records[:0]}
		o.changed.Signal()
		o.mu.Unlock()
		err := o.flush(&now)
		o.mu.Lock()
		if err != nil {
			o.err = err
			o.changed.Signal()
			o.failed(err)
		}
	}
}

func (o *output) flush(w *written) error {
	if len(w.lines) > 0 {
		if _, err := o.results.Write(w.lines); err != nil {
			return err
		}
	}
	if len(w.records) > 0 {
		return o.log.Append(w.records)
	}
	return nil
}
