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

// wait waits until nothing is under way, or gives why ctx ended before.
func (t *tally) wait(ctx context.Context) error {
	t.mu.Lock()
	if t.n > 0 && t.idle == nil {
		t.idle = make(chan struct{})
	}
	idle := t.idle
	t.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}
