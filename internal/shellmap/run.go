package shellmap

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/joblog"
)

// cutPatience is how long a last item without an end is held back: an interrupt
// from a terminal ends who writes the input as well, perhaps within an item, and
// that may show before the interrupt does.
const cutPatience = 50 * time.Millisecond

// run is the state of a Job: Call's goroutine reads items, the one of Run prints
// results.
type run struct {
	*Job
	source *input
	window *window
	ended  atomic.Pointer[error] // why there are no more items, once that is so

	record []byte
}

// obey has Stop obeyed until the function that it gives is called.
func (r *run) obey(ctx context.Context) (cease func()) {
	ctx, cancel := context.WithCancel(ctx)
	obeyed := make(chan struct{})
	go func() {
		defer close(obeyed)
		select {
		case <-r.Stop:
			r.source.stop()
			if n := r.window.count(); n > 0 {
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

// items gives the items that are to be done.
func (r *run) items(ctx context.Context) func(yield func(Item) bool) {
	return func(yield func(Item) bool) {
		err := r.each(ctx, yield)
		r.ended.Store(&err)
	}
}

// each yields items until there are no more, and gives why.
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

// stopsSoon reports whether Stop is closed, or is within cutPatience.
func (r *run) stopsSoon() bool {
	patience := time.NewTimer(cutPatience)
	defer patience.Stop()
	select {
	case <-r.Stop:
		return true
	case <-patience.C:
		return r.source.isStopped()
	}
}

// print prints results until it is to end.
func (r *run) print(ctx context.Context, out *output) error {
	defer r.source.stop()
	failures := 0
	var halted error
	for result, err := range r.Call(ctx, r.items(ctx)) {
		if err != nil && ctx.Err() != nil {
			r.source.stop() // before Call waits for a read under way
			return ErrInterrupted
		}
		e, known := r.window.take(result.Call, len(result.Line))
		if known {
			out.add(result.Line, r.note(e, result, err))
			r.Show.done(e.size)
		}
		if err == nil {
			continue
		}
		failures++
		failed := LineError{e.seq, err}
		switch {
		case !known || r.Halt.reached(failures) && !r.Halt.Soon:
			r.source.stop()
			return failed
		case halted == nil && r.Halt.reached(failures):
			halted = failed
			r.source.stop()
		default:
			r.Show.Around(func() { r.Failed(failed) })
		}
	}
	switch ended := r.ended.Load(); {
	case halted != nil:
		return halted
	case ended == nil, *ended == errStopped:
		return ErrInterrupted
	case *ended != io.EOF:
		return *ended
	case failures > 0:
		return ErrFailed
	}
	return nil
}

// note gives the line of the job log for an item, if there is one to be kept. It
// is valid until the next.
func (r *run) note(e entry, result Result, err error) []byte {
	if r.Log == nil {
		return nil
	}
	record := joblog.Record{
		Seq: e.seq, Start: e.start, Run: result.Run, Task: result.Task,
		Send: e.text, Receive: len(result.Line), Hash: e.hash, Func: r.Func, Item: e.shown,
	}
	if err != nil {
		record.Exit, record.Receive = 1, 0
	}
	if remote, ok := errors.AsType[*codec.RemoteError](err); ok {
		record.Host = remote.Host
	}
	if died, ok := errors.AsType[*codec.WorkerDiedError](err); ok {
		record.Host, record.Signal = died.Host, died.Signal
		record.Exit = max(died.ExitCode, 1)
	}
	r.record = record.Append(r.record[:0])
	return r.record
}
