package producer

import (
	"strings"
	"sync"
	"time"
)

// crowd knows how many worker processes have sent outcomes lately. It is safe for
// concurrent use.
type crowd struct {
	mu          sync.Mutex
	since       time.Time           // when the present term began
	now, before map[string]struct{} // heard in this term, and in the one before
}

const (
	// crowdTerm is how long a process counts that is not heard of again, or twice that.
	crowdTerm = 5 * time.Second
	// mostHeard bounds the processes told apart.
	mostHeard = 4096
)

// hear notes that a process has sent outcomes; empty is one that has no name.
func (c *crowd) hear(process string) {
	at := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.Sub(c.since) > crowdTerm {
		c.since, c.before, c.now = at, c.now, map[string]struct{}{}
	}
	if _, known := c.now[process]; !known && len(c.now) < mostHeard {
		c.now[strings.Clone(process)] = struct{}{} // not the message that it is from
	}
}

func (c *crowd) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(len(c.now), len(c.before))
}
