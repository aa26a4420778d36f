package main

import (
	"io"
	"sync"
)

// maxUnwritten is how many bytes may wait to be written before add waits.
const maxUnwritten = 256 << 10

// output writes in the background: at once while nothing is being written, and
// together what comes meanwhile. So a line never waits for the next, and many
// lines take few system calls. Its methods belong to one goroutine.
type output struct {
	failed func(error) // called once if writing fails
	done   chan struct{}

	mu      sync.Mutex
	changed *sync.Cond // when buf was empty, or full
	buf     []byte
	closed  bool
	err     error
}

func newOutput(w io.Writer, failed func(error)) *output {
	o := &output{failed: failed, done: make(chan struct{})}
	o.changed = sync.NewCond(&o.mu)
	go o.write(w)
	return o
}

// add has a line written. It waits while too much is unwritten. After an error
// it drops the line.
func (o *output) add(line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.buf) >= maxUnwritten && o.err == nil {
		o.changed.Wait()
	}
	if o.err == nil {
		o.buf = append(o.buf, line...)
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

func (o *output) write(w io.Writer) {
	defer close(o.done)
	o.mu.Lock()
	defer o.mu.Unlock()
	var part []byte
	for o.err == nil {
		for len(o.buf) == 0 && !o.closed {
			o.changed.Wait()
		}
		if len(o.buf) == 0 {
			return
		}
		part, o.buf = o.buf, part[:0]
		o.changed.Signal()
		o.mu.Unlock()
		_, err := w.Write(part)
		o.mu.Lock()
		if err != nil {
			o.err = err
			o.changed.Signal()
			o.failed(err)
		}
	}
}
