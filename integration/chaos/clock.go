package chaos

import (
	"context"
	"sync"
	"time"
)

// clock tells how far the client has come: how many of its futures are done. It
// is safe for concurrent use.
type clock struct {
	mu      sync.Mutex
	done    int
	last    time.Time     // of an advance
	changed chan struct{} // closed, and made anew, at each advance
}

func newClock() *clock { return &clock{last: time.Now(), changed: make(chan struct{})} }

func (c *clock) advance(done int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done, c.last = max(c.done, done), time.Now()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *clock) read() (done int, last time.Time, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done, c.last, c.changed
}

// reach waits until so many futures are done, or until ctx ends.
func (c *clock) reach(ctx context.Context, done int) {
	for {
		now, _, changed := c.read()
		if now >= done {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
