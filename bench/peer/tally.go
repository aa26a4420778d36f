package peer

import (
	"context"
	"sync"
	"time"
)

// tally counts the outcomes of one burst, for peers without futures.
type tally struct {
	mu     sync.Mutex
	load   *Load
	want   int
	window int
	sent   int
	got    int
	gain   gain
	err    error
	room   chan struct{} // holds one when the window may have room
	done   chan struct{} // closed at the last outcome or the first error
}

func newTally(of tasks, window int) *tally {
	return &tally{load: of.load, want: of.n, window: window, room: make(chan struct{}, 1), done: make(chan struct{})}
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
	t.gain.sum += outcome
	if t.load.LongEvery > 0 && !t.load.long(int(outcome)-t.load.Data) {
		t.gain.rest = time.Now()
	}
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

// wait returns what the burst came to when all outcomes are there.
func (t *tally) wait(ctx context.Context) (gain, error) {
	select {
	case <-t.done:
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.gain, t.err
	case <-ctx.Done():
		return gain{}, ctx.Err()
	}
}
