package peer

import (
	"context"
	"sync"
)

// tally counts the outcomes of one burst, for peers without futures.
type tally struct {
	mu     sync.Mutex
	want   int
	window int
	sent   int
	got    int
	sum    uint64
	err    error
	room   chan struct{} // holds one when the window may have room
	done   chan struct{} // closed at the last outcome or the first error
}

func newTally(want, window int) *tally {
	return &tally{want: want, window: window, room: make(chan struct{}, 1), done: make(chan struct{})}
}

// admit waits until n more tasks may be in flight, or none are.
func (t *tally) admit(ctx context.Context, n int) error {
	for {
		t.mu.Lock()
		flying := t.sent - t.got
		if flying == 0 || flying+n <= t.window {
			t.sent += n
			t.mu.Unlock()
			return nil
		}
		t.mu.Unlock()
		select {
		case <-t.room:
		case <-t.done:
			return t.failure()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// add counts one outcome.
func (t *tally) add(outcome uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum += outcome
	t.got++
	if t.got == t.want && t.err == nil {
		close(t.done)
	}
	select {
	case t.room <- struct{}{}:
	default:
	}
}

// fail ends the burst.
func (t *tally) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil && t.got < t.want {
		t.err = err
		close(t.done)
	}
}

func (t *tally) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// wait gives the sum when all outcomes are there.
func (t *tally) wait(ctx context.Context) (uint64, error) {
	select {
	case <-t.done:
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.sum, t.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
