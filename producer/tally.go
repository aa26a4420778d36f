package producer

import (
	"context"
	"sync"
)

// tally counts what is under way, so that somebody can wait until nothing is.
type tally struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n reaches 0; made when somebody waits
}

func (t *tally) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
}

func (t *tally) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n--; t.n == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

// empty returns a channel that is closed when nothing is under way.
func (t *tally) empty() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		return closed
	}
	if t.idle == nil {
		t.idle = make(chan struct{})
	}
	return t.idle
}

// wait waits until nothing is under way, or gives why ctx ended before.
func (t *tally) wait(ctx context.Context) error {
	empty := t.empty()
	select {
	case <-empty: // goes before the end of ctx
		return nil
	default:
	}
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}
