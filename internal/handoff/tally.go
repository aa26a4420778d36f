package handoff

import "sync"

// tally calls done when each of n parts is done, with the first error.
type tally struct {
	mu   sync.Mutex
	left int
	err  error
	done func(error)
}

func newTally(n int, done func(error)) *tally {
	if n == 0 {
		done(nil)
	}
	return &tally{left: n, done: done}
}

func (t *tally) one(err error) {
	t.mu.Lock()
	if err != nil && t.err == nil {
		t.err = err
	}
	t.left--
	last := t.left == 0
	err = t.err
	t.mu.Unlock()
	if last {
		t.done(err)
	}
}
