package consumer

import (
	"sync"

	"github.com/musterfleet/muster/internal/broker"
)

// backlog is what has been delivered to this process and waits to run: by lane,
// and within a lane in the order of its coming. It is safe for concurrent use.
type backlog struct {
	arrived chan struct{} // has an element when something came since it was last looked at

	mu    sync.Mutex
	lanes [len(broker.Lanes)][]*delivery
	n     int
}

func newBacklog() *backlog { return &backlog{arrived: make(chan struct{}, 1)} }

func (b *backlog) put(d *delivery) {
	b.mu.Lock()
	b.lanes[d.lane] = append(b.lanes[d.lane], d)
	b.n++
	b.mu.Unlock()
	select {
	case b.arrived <- struct{}{}:
	default:
	}
}

// take gives what is to run next, or nil if nothing waits.
func (b *backlog) take() *delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	for lane, waiting := range b.lanes {
		if len(waiting) > 0 {
			b.lanes[lane] = waiting[1:]
			b.n--
			return waiting[0]
		}
	}
	return nil
}

// urgent gives the lane of what is to run next; ok is false if nothing waits.
func (b *backlog) urgent() (lane broker.Lane, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, lane := range broker.Lanes {
		if len(b.lanes[lane]) > 0 {
			return lane, true
		}
	}
	return 0, false
}

func (b *backlog) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}
