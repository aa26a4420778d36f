package shellmap

import (
	"cmp"
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/joblog"
)

// cutTimeout is how long a last item without an end is held back: an interrupt
// from a terminal ends who writes the input as well, perhaps within an item, and
// that may show before the interrupt does.
const cutTimeout = 50 * time.Millisecond

// haltGrace is how long a run that is to end at once waits for calls whose results are to
// be printed before others that there are. Short tasks have mostly ended by then: so
// results and the first failure are those of the first items.
const haltGrace = 250 * time.Millisecond

// run is the state of a Job. Call's goroutine reads items, that of Run takes what
// calls end with, and output has one of its own that prints it.
type run struct {
	*Job
	source *input
	window *window
	out    *output
	cancel context.CancelCauseFunc // ends the calls
	ended  atomic.Pointer[error]   // why there are no more items, once that is so

	// The goroutine's of Run:
	arrived  int // results
	failures int
	halting  bool
	record   []byte

	mu          sync.Mutex
	latest      Result // of those that have ended, the last in the order of the items
	interrupted bool
}

// obey has Stop obeyed until the function that it returns is called.
func (r *run) obey(ctx context.Context) (cease func()) {
	ctx, cancel := context.WithCancel(ctx)
	obeyed := make(chan struct{})
	go func() {
		defer close(obeyed)
		select {
		case <-r.Stop:
			r.source.stop()
			if n := r.window.underWay(); n > 0 {
				r.Show.Around(func() { r.Wait(n) })
			}
		case <-ctx.Done():
		}
	}()
	return func() {
		cancel()
		<-obeyed
	}
}

// items returns the items that are to be done.
func (r *run) items(ctx context.Context) func(yield func(Item) bool) {
	return func(yield func(Item) bool) {
		err := r.each(ctx, yield)
		r.ended.Store(&err)
	}
}

// each yields items until there are no more, and returns why.
func (r *run) each(ctx context.Context, yield func(Item) bool) error {
	in := newItems(r.source, r.End)
	for seq := 1; !r.source.isStopped(); seq++ {
		item, err := in.next()
		if err == io.EOF && r.Done != nil {
			if short := r.Done.End(seq - 1); short != nil {
				return short
			}
		}
		if err != nil {
			return err
		}
		if item.open && r.stopsSoon() {
			break
		}
		e := entry{seq: seq, text: len(item.Text), size: item.size}
		if r.Log != nil || r.Done != nil {
			e.hash = joblog.Hash(item.Text, r.Raw)
		}
		if r.Done != nil {
			done, err := r.Done.Has(seq, e.hash)
			if err != nil {
				return err
			}
			if done {
				r.Show.skip(e.size)
				continue
			}
		}
		if !r.window.wait(e.size, r.source.stopped, ctx.Done()) {
			break
		}
		if r.Log != nil {
			e.start, e.shown = time.Now(), joblog.Show(item.Text)
		}
		r.window.add(e)
		if !yield(item) {
			break
		}
	}
	return errStopped
}

// stopsSoon reports whether Stop is closed, or is within cutTimeout.
func (r *run) stopsSoon() bool {
	patience := time.NewTimer(cutTimeout)
	defer patience.Stop()
	select {
	case <-r.Stop:
		return true
	case <-patience.C:
		return r.source.isStopped()
	}
}

// collect takes what calls end with until the run is to end.
func (r *run) collect(ctx context.Context) error {
	defer r.source.stop()
	cut := false
	for result, err := range r.Call(ctx, r.items(ctx)) {
		e, known := r.window.end(result.Call, len(result.Line))
		switch {
		case !known:
			r.source.stop() // before Call waits for a read under way
			if ctx.Err() != nil {
				return ErrInterrupted
			}
			return LineError{Err: err}
		case errors.Is(err, codec.ErrCancelled) && (r.halting || r.wasInterrupted()):
			cut = true
			continue
		}
		r.take(e, result, err)
		if err != nil && !r.halting && r.Halt.reached(r.failures) {
			r.halting = true
			r.source.stop()
			if !r.Halt.Soon && !r.endAfter(result) {
				return nil
			}
		}
	}
	switch ended := r.ended.Load(); {
	case cut, ended == nil, *ended == errStopped:
		return ErrInterrupted
	case *ended != io.EOF:
		return *ended
	case r.failures > 0:
		return ErrFailed
	}
	return nil
}

// take takes what a call has ended with.
func (r *run) take(e entry, result Result, err error) {
	place := result.Call
	if r.Unordered {
		place = r.arrived
	}
	r.arrived++
	r.remember(result)
	r.Show.done(e.size, err != nil)
	ending := ending{line: result.Line, record: r.note(e, result, err)}
	if err != nil {
		r.failures++
		ending.failed = LineError{e.seq, err}
	}
	r.out.add(place, ending)
}

// endAfter cancels the calls after one, and ends the run soon. It reports false if
// there is nothing to wait for.
func (r *run) endAfter(last Result) bool {
	if r.Unordered {
		return false
	}
	if last.Task != (codec.ID{}) {
		r.Cancel(last.Task)
	}
	time.AfterFunc(haltGrace, func() { r.cancel(nil) })
	return true
}

// interrupt ends the run when its context ends.
func (r *run) interrupt() {
	r.source.stop()
	r.mu.Lock()
	r.interrupted = true
	latest := r.latest
	r.mu.Unlock()
	if latest.Task == (codec.ID{}) || !r.endAfter(latest) {
		r.cancel(nil)
	}
}

func (r *run) wasInterrupted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.interrupted
}

// remember keeps the last result in the order of the items.
func (r *run) remember(result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if result.Task != (codec.ID{}) && result.Call >= r.latest.Call {
		result.Line = nil
		r.latest = result
	}
}

// note returns the line of the job log for an item, if there is one to be kept. It
// is valid until the next.
func (r *run) note(e entry, result Result, err error) []byte {
	if r.Log == nil {
		return nil
	}
	record := joblog.Record{
		Seq: e.seq, Start: e.start, Run: result.Run,
		Send: e.text, Receive: len(result.Line), Hash: e.hash, Func: r.Func, Item: e.shown,
	}
	if result.Task != (codec.ID{}) {
		record.Task = result.Task.String()
	}
	if err != nil {
		record.Exit, record.Signal, record.Host = cmp.Or(result.Exit.Status, 1), result.Exit.Signal, result.Exit.Host
		record.Receive = 0
	}
	r.record = record.Append(r.record[:0])
	return r.record
}
