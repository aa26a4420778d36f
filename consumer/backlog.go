package consumer

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/internal/broker"
)

// backlog is what has been delivered to this process and waits to run: by lane,
// and within a lane in the order of its coming. It is safe for concurrent use.
type backlog struct {
	arrived chan struct{} // has an element when something came since it was last looked at
	top     atomic.Int32  // the most urgent lane where something waits; beyond the last if none

	mu    sync.Mutex
	lanes [len(broker.Lanes)][]*delivery
}

func newBacklog() *backlog {
	b := &backlog{arrived: make(chan struct{}, 1)}
	b.changed()
	return b
}

// changed notes in which lane something waits now; mu is held.
func (b *backlog) changed() {
	top := 0
	for top < len(b.lanes) && len(b.lanes[top]) == 0 {
		top++
	}
	b.top.Store(int32(top))
}

func (b *backlog) put(d *delivery) {
	b.mu.Lock()
	b.lanes[d.lane] = append(b.lanes[d.lane], d)
	b.changed()
	b.mu.Unlock()
	select {
	case b.arrived <- struct{}{}:
	default:
	}
}

// pause takes a delivery that has begun, to go on with before what else waits in
// its lane.
func (b *backlog) pause(d *delivery, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d.paused = now
	b.lanes[d.lane] = slices.Insert(b.lanes[d.lane], 0, d)
	b.changed()
}

// take gives what is to run next, or nil if nothing waits.
func (b *backlog) take() *delivery { return b.takeFirst(func(*delivery) bool { return true }) }

// takeNew is take, of what has not begun.
func (b *backlog) takeNew() *delivery {
	return b.takeFirst(func(d *delivery) bool { return d.paused.IsZero() })
}

func (b *backlog) takeFirst(wanted func(*delivery) bool) *delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	for lane, waiting := range b.lanes {
		if i := slices.IndexFunc(waiting, wanted); i >= 0 {
			d := waiting[i]
			b.lanes[lane] = slices.Delete(waiting, i, i+1)
			b.changed()
			d.paused = time.Time{}
			return d
		}
	}
	return nil
}

// pausedSince gives what has begun and waits since then, or longer.
func (b *backlog) pausedSince(then time.Time) (all []*delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, waiting := range b.lanes {
		for _, d := range waiting {
			if !d.paused.IsZero() && !d.paused.After(then) {
				all = append(all, d)
			}
		}
	}
	return all
}

// hasBefore reports whether something waits that is more urgent than a lane.
func (b *backlog) hasBefore(lane broker.Lane) bool { return b.top.Load() < int32(lane) }

// urgent gives the lane of what is to run next; ok is false if nothing waits.
func (b *backlog) urgent() (lane broker.Lane, ok bool) {
	top := b.top.Load()
	return broker.Lane(top), int(top) < len(b.lanes)
}

// upTo gives how many deliveries wait that are of a lane or more urgent.
func (b *backlog) upTo(lane broker.Lane) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, waiting := range b.lanes[:lane+1] {
		n += len(waiting)
	}
	return n
}
