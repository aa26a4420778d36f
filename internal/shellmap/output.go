package shellmap

import (
	"maps"
	"math"
	"slices"
	"sync"
)

const (
	// maxBatch is how many bytes are written together.
	maxBatch = 256 << 10
	// largeLine is the size from which a line is written by itself, and not copied.
	largeLine = 64 << 10
)

// output prints what calls end with, each at its place, on a goroutine of its own:
// at once while nothing is being written, and together what comes meanwhile. So a
// line never waits for the next, and many lines take few system calls. Nobody who
// adds waits for the reader of the results: what is not written yet is bounded by
// the window, whose room is free once it is.
type output struct {
	*Job
	window *window
	broken func(error) // called once if writing fails
	done   chan struct{}

	mu      sync.Mutex
	changed *sync.Cond     // when there is something to write, or nothing more will come
	place   int            // that is printed next
	waiting map[int]ending // by places after that
	last    int            // the last place whose result is printed: a call after it has not ended
	halting int            // the place of the failure that ends the run: without a log it is the last
	failed  int            // failures that had their turn
	halted  LineError      // the one that ends the run
	left    []int          // the places in waiting, in order, once nothing more will come
	next    batch
	closed  bool
	err     error
}

// ending is what a call has ended with: a line to print, a failure to report, or
// neither.
type ending struct {
	line   []byte // belongs to the output
	record []byte // of the job log, written once the line is
	failed LineError
}

// batch is what is written together: lines, and then their records, so that the log
// tells of no result that was not printed.
type batch struct {
	lines   []byte
	large   []byte    // after them
	failed  LineError // reported after that
	records []byte
	items   int // whose room is free then
	bytes   int
}

func (b *batch) empty() bool { return b.items == 0 && len(b.records) == 0 }

// full reports whether nothing more can be added at its end.
func (b *batch) full() bool {
	return b.large != nil || b.failed.Err != nil || len(b.lines)+len(b.records) >= maxBatch
}

func (b *batch) add(e ending) {
	b.items++
	b.bytes += len(e.line)
	if len(e.line) < largeLine {
		b.lines = append(b.lines, e.line...)
	} else {
		b.large = e.line
	}
	b.failed = e.failed
	b.records = append(b.records, e.record...)
}

func newOutput(job *Job, w *window, broken func(error)) *output {
	o := &output{
		Job: job, window: w, broken: broken, done: make(chan struct{}),
		waiting: map[int]ending{}, last: math.MaxInt, halting: math.MaxInt,
	}
	o.changed = sync.NewCond(&o.mu)
	go o.write()
	return o
}

// add has an ending printed at its place. It does not wait. It copies the record.
func (o *output) add(place int, e ending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e.line == nil { // there is no result that the record must not precede
		o.next.records = append(o.next.records, e.record...)
		e.record = nil
	}
	if place == o.place && !o.next.full() {
		o.print(e)
		o.fill()
	} else {
		e.record = slices.Clone(e.record)
		o.waiting[place] = e
	}
	o.changed.Signal()
}

// print adds an ending to the next batch, and goes on to the place after it.
func (o *output) print(e ending) {
	if o.place > o.last || o.place > o.halting && o.Log == nil {
		e.line, e.record = nil, nil
	}
	if e.failed.Err != nil {
		e.failed = o.fail(e.failed)
	}
	o.next.add(e)
	o.place++
}

// fail counts a failure, and returns it if it is to be reported. The one that ends the
// run is its caller's.
func (o *output) fail(failed LineError) LineError {
	o.failed++
	switch {
	case !o.Halt.reached(o.failed):
		return failed
	case o.halted.Err == nil:
		o.halted = failed
		if !o.Halt.Soon {
			o.halting = o.place
		}
		return LineError{}
	case o.Halt.Soon:
		return failed
	}
	return LineError{}
}

// fill adds to the next batch what has its turn, with mu held.
func (o *output) fill() {
	for len(o.waiting) > 0 && !o.next.full() {
		if o.closed && o.place < o.left[0] { // a call has not ended
			o.last = min(o.last, o.place-1)
			o.place = o.left[0]
		}
		e, ok := o.waiting[o.place]
		if !ok {
			return
		}
		delete(o.waiting, o.place)
		if o.closed {
			o.left = o.left[1:]
		}
		o.print(e)
	}
}

// close writes what is left, and returns the failure that ends the run, if one does, and
// the first error of writing. A result after a call that has not ended is neither printed
// nor logged, so that the results of this run and of one that goes on with its log are in
// the order of the input. After the failure that ends the run results are printed only if
// there is a log, by which such a run does not repeat their calls; without one the results
// are those of the first items of the input.
func (o *output) close() (halted LineError, err error) {
	o.mu.Lock()
	o.left = slices.Sorted(maps.Keys(o.waiting))
	o.closed = true
	o.fill()
	o.changed.Signal()
	o.mu.Unlock()
	<-o.done
	return o.halted, o.err
}

func (o *output) write() {
	defer close(o.done)
	o.mu.Lock()
	defer o.mu.Unlock()
	var now batch
	for o.err == nil {
		for o.next.empty() && !o.closed {
			o.changed.Wait()
		}
		if o.next.empty() {
			return
		}
		now, o.next = o.next, batch{lines: now.lines[:0], records: now.records[:0]}
		o.fill()
		o.mu.Unlock()
		err := o.flush(&now)
		o.window.printed(now.items, now.bytes)
		if err != nil {
			o.broken(err)
		}
		o.mu.Lock()
		o.err = err
	}
}

func (o *output) flush(b *batch) error {
	for _, text := range [][]byte{b.lines, b.large} {
		if len(text) == 0 {
			continue
		}
		if _, err := o.Out.Write(text); err != nil {
			return err
		}
	}
	b.large = nil
	if b.failed.Err != nil {
		o.Show.Around(func() { o.Failed(b.failed) })
	}
	if len(b.records) > 0 {
		return o.Log.Append(b.records)
	}
	return nil
}
