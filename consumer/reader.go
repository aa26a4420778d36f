package consumer

import (
	"fmt"
	"sync/atomic"

	"github.com/musterfleet/muster/internal/link"
)

// reader says who reads the link, which one goroutine does at a time. While the executor
// has nothing to run it reads itself: a task begins on the goroutine that has received
// it, since to wake another thread takes longer than the rest of its way. While a long
// task runs, or one that waits for an answer, another goroutine reads.
type reader struct {
	free  chan struct{} // has an element while nobody reads
	idle  atomic.Bool   // the executor has nothing to run
	taken atomic.Uint64 // runs that it has taken
}

// unread reports whether a task runs while nobody reads the link.
func (r *reader) unread() bool { return !r.idle.Load() && len(r.free) > 0 }

// Listen takes what the supervisor sends until the executor does so itself. It returns
// at once if somebody reads already.
func (w *Worker) Listen() {
	select {
	case <-w.reader.free:
	default:
		return
	}
	defer func() { w.reader.free <- struct{}{} }()
	for !w.reader.idle.Load() && w.receive() {
	}
}

// receive takes the next frame, and reports false when there is no link any more.
func (w *Worker) receive() bool {
	f, err := w.Link.Receive()
	if err == nil {
		err = w.take(f)
	}
	if err != nil {
		w.Lost(err)
	}
	return err == nil
}

// take takes a frame: a run, an answer about a large value, or an order.
func (w *Worker) take(f link.Frame) error {
	switch f.Kind {
	case link.KindRun:
		space := runSpace.Get().(*[]byte)
		*space = append((*space)[:0], f.Payload...)
		r, err := link.ReadRun(*space)
		if err != nil {
			return err
		}
		if r.Queue >= len(w.Queues) {
			return fmt.Errorf("%w: a run of queue %d", link.ErrProtocol, r.Queue)
		}
		select {
		case w.runs <- run{Run: r, space: space}:
			return nil
		default:
			return fmt.Errorf("%w: more than %d runs", link.ErrProtocol, MaxRuns)
		}
	case link.KindValue:
		return w.values.answer(f)
	case link.KindOrder:
		if w.Order != nil {
			return w.Order(f)
		}
	}
	return fmt.Errorf("%w: a frame of kind %d", link.ErrProtocol, f.Kind)
}

// next waits for the next run, or says why to leave instead.
func (e *executor) next() (r run, why Leaving) {
	select {
	case r = <-e.runs:
		return r, ""
	default:
	}
	e.rest()
	e.reader.idle.Store(true) // before it looks at ctx, see Serve
	defer e.reader.idle.Store(false)
	for e.ctx.Err() == nil {
		select {
		case r = <-e.runs:
			return r, ""
		case <-e.reader.free:
			ok := len(e.runs) > 0 || e.receive()
			e.reader.free <- struct{}{}
			if !ok {
				return r, leavingLost
			}
		case <-e.ctx.Done():
		}
	}
	return r, LeavingDrained
}
