package consumer

import (
	"sync"
	"sync/atomic"

	"github.com/musterfleet/muster/codec"
)

// maxCancels bounds how many requests to cancel a process remembers.
const maxCancels = 1 << 16

// cancels remembers which tasks are not to be started, the latest maxCancels of
// them. A request may come long before its task.
type cancels struct {
	some atomic.Bool // so that asking costs nothing while nothing was cancelled

	mu    sync.Mutex
	ids   map[codec.ID]bool
	order []codec.ID // a ring, once full
	next  int
}

// Cancel has tasks, by client, not started. It is safe for concurrent use.
func (w *Worker) Cancel(tasks map[string][]uint64) {
	for client, numbers := range tasks {
		for _, n := range numbers {
			w.cancels.add(codec.ID{Client: client, N: n})
		}
	}
}

func (c *cancels) add(id codec.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil {
		c.ids = map[codec.ID]bool{}
	}
	if c.ids[id] {
		return
	}
	if len(c.order) < maxCancels {
		c.order = append(c.order, id)
	} else {
		delete(c.ids, c.order[c.next])
		c.order[c.next] = id
		c.next = (c.next + 1) % maxCancels
	}
	c.ids[id] = true
	c.some.Store(true)
}

func (c *cancels) has(client string, n uint64) bool {
	if !c.some.Load() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ids[codec.ID{Client: client, N: n}]
}
