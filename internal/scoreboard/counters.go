package scoreboard

import (
	"sync/atomic"
	"time"
)

const (
	// Buckets is how many counts a histogram has: one up to each bound, and one
	// for what is above the last.
	Buckets = 15
	// Codes is how many ways to fail are told apart. Code 0 is success; the last
	// code stands for all that are greater.
	Codes = 16
)

// counters is what has come of one func's attempts. One goroutine of the worker
// process writes, and the words belong to no other: each holds by itself, so they
// are plain ones, which cost less than a nanosecond.
type counters struct {
	run, wait histogram
	failed    [Codes]uint64
}

type histogram struct {
	counts [Buckets]uint64
	sum    uint64 // nanoseconds
}

// Bounds are the upper bounds of the buckets of a histogram, ascending.
type Bounds = [Buckets - 1]time.Duration

func (h *histogram) add(d int64, bounds *Bounds) {
	i := 0
	for i < len(bounds) && d > int64(bounds[i]) {
		i++
	}
	h.counts[i]++
	h.sum += uint64(d)
}

// Counts is what has come of one func's attempts, since New.
type Counts struct {
	Func      string
	Run, Wait Histogram
	Failed    [Codes]uint64 // by code
}

// Histogram counts durations.
type Histogram struct {
	Counts [Buckets]uint64
	Sum    uint64 // nanoseconds
}

// Attempts is how many attempts have ended.
func (c *Counts) Attempts() (n uint64) {
	for _, count := range c.Run.Counts {
		n += count
	}
	return n
}

// Counts returns what has come of the attempts at each func's tasks, for the
// funcs that had any.
func (b *Board) Counts() []Counts {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.page == nil {
		return nil
	}
	var all []Counts
	for i := range b.page.known() + 1 {
		index := i
		if i == b.page.known() {
			index = MaxNames
		}
		if c := b.page.counters[index].read(); c.Attempts() > 0 {
			c.Func = b.page.name(index)
			all = append(all, c)
		}
	}
	return all
}

func (c *counters) read() Counts {
	all := Counts{Run: c.run.read(), Wait: c.wait.read()}
	for i := range c.failed {
		all.Failed[i] = count(&c.failed[i])
	}
	return all
}

func (h *histogram) read() Histogram {
	all := Histogram{Sum: count(&h.sum)}
	for i := range h.counts {
		all.Counts[i] = count(&h.counts[i])
	}
	return all
}

// count reads a counter.
func count(word *uint64) uint64 { return min(atomic.LoadUint64(word), mostCount) }

// mostCount bounds what is read of a counter. No honest one comes near, and it
// keeps sums of scribbled ones from running over.
const mostCount = 1 << 50
