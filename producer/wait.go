package producer

import (
	"context"
	"fmt"
	"iter"
)

// Awaitable is any future, whatever its result's type.
type Awaitable interface {
	// Done returns a channel that is closed when the outcome is there.
	Done() <-chan struct{}
	// State returns where the future stands now.
	State() State
	// Err waits for the outcome and returns its error.
	Err(context.Context) error

	handle() *pending
}

// Mode says what [Wait] waits for.
type Mode int

const (
	// FirstCompleted waits until a future is done.
	FirstCompleted Mode = iota + 1
	// FirstError waits until a future has failed, or all are done. A cancelled
	// future has not failed. It mirrors Python's FIRST_EXCEPTION.
	FirstError
	// AllCompleted waits until all futures are done.
	AllCompleted
)

// Wait waits for futures, of which those that are done when it returns come
// first in done and the others in pending, each once and in the order given.
// Futures of several clients may be mixed; with F an interface such as
// [Awaitable], so may futures of several types. The end of ctx is not an error:
// Wait returns what is done so far, and with an ended ctx it only looks. Its
// error wraps [ErrOption] for an unknown mode. It mirrors
// concurrent.futures.wait, except that a cancelled future is done at once.
func Wait[F Awaitable](ctx context.Context, mode Mode, futures ...F) (done, pending []F, err error) {
	if mode < FirstCompleted || mode > AllCompleted {
		return nil, nil, fmt.Errorf("%w: wait mode %d", ErrOption, mode)
	}
	futures = unique(futures)
	w := watch(ctx, futures)
	defer w.stop()
	for left := len(futures); left > 0; left-- {
		f, ok := w.next()
		if !ok || mode == FirstCompleted {
			break
		}
		if mode == FirstError && f.State() == Finished && f.Err(ctx) != nil {
			break
		}
	}
	for _, f := range futures {
		if f.State().Done() {
			done = append(done, f)
		} else {
			pending = append(pending, f)
		}
	}
	return done, pending, nil
}

// AsCompleted yields futures as they are done, first those that are already,
// each once. When ctx ends first it yields, after all futures that are done by
// then, a zero future with an [UnfinishedError]. Leaving the loop early cancels
// nothing. It mirrors concurrent.futures.as_completed.
func AsCompleted[F Awaitable](ctx context.Context, futures iter.Seq[F]) iter.Seq2[F, error] {
	return func(yield func(F, error) bool) {
		var all []F
		for f := range futures {
			all = append(all, f)
		}
		all = unique(all)
		total := len(all)
		w := watch(ctx, all)
		clear(all) // what was yielded is the caller's alone
		defer w.stop()
		for left := total; left > 0; left-- {
			f, ok := w.next()
			if !ok {
				yield(f, &UnfinishedError{Unfinished: left, Total: total, Cause: ended(ctx)})
				return
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}

// UnfinishedError says how many futures were not done when the context of
// [AsCompleted] ended.
type UnfinishedError struct {
	Unfinished, Total int
	Cause             error
}

// Error reads as in Python: "2 (of 4) futures unfinished".
func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("%d (of %d) futures unfinished: %v", e.Unfinished, e.Total, e.Cause)
}

// Unwrap returns the context's error.
func (e *UnfinishedError) Unwrap() error { return e.Cause }

// watcher is told of futures in the order in which they are done. It belongs to
// one goroutine.
type watcher[F Awaitable] struct {
	ctx     context.Context
	done    chan F
	waiting map[*pending]bool
}

// watch asks each future to report to a watcher. The channel holds them all, so
// that a report never blocks the goroutine that settles a future.
func watch[F Awaitable](ctx context.Context, futures []F) *watcher[F] {
	w := &watcher[F]{ctx: ctx, done: make(chan F, len(futures)), waiting: make(map[*pending]bool, len(futures))}
	for _, f := range futures {
		w.waiting[f.handle()] = true
		f.handle().notify(w, func() { w.done <- f })
	}
	return w
}

// stop takes back what watch asked for.
func (w *watcher[F]) stop() {
	for p := range w.waiting {
		p.unnotify(w)
	}
}

// next returns the next future that is done, and false once ctx has ended and
// none is done.
func (w *watcher[F]) next() (f F, ok bool) {
	select {
	case f = <-w.done:
	default:
		defer giveWay(w.ctx)()
		select {
		case f = <-w.done:
		case <-w.ctx.Done():
			// Both may have been ready: what is done goes first.
			select {
			case f = <-w.done:
			default:
				return f, false
			}
		}
	}
	delete(w.waiting, f.handle())
	return f, true
}

func unique[F Awaitable](futures []F) []F {
	seen := make(map[*pending]bool, len(futures))
	var once []F
	for _, f := range futures {
		if h := f.handle(); !seen[h] {
			seen[h] = true
			once = append(once, f)
		}
	}
	return once
}
