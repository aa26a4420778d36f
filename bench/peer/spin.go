package peer

import (
	"sync"
	"sync/atomic"
	"time"
)

// Spinning tasks compute a fixed number of iterations rather than watch the
// clock: a worker that watches the clock counts time as work while others have
// its core.

var sink atomic.Uint64

//go:noinline
func spin(iterations uint64) {
	x := iterations | 1
	for range iterations {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	if x == 0 {
		sink.Add(1)
	}
}

// perMicrosecond is the best of many short runs, which others on the machine
// disturb least.
var perMicrosecond = sync.OnceValue(func() float64 {
	const sample = 200_000
	best := time.Duration(1 << 62)
	for range 25 {
		start := time.Now()
		spin(sample)
		best = min(best, time.Since(start))
	}
	return sample / (float64(best) / float64(time.Microsecond))
})

func iterations(d time.Duration) uint64 {
	return max(1, uint64(float64(d)/float64(time.Microsecond)*perMicrosecond()))
}

// ideal measures how long so many iterations take on bare workers, from a
// sample that keeps all of them computing at once.
func ideal(total uint64, workers int) time.Duration {
	const sample = 40 * time.Millisecond
	each := iterations(sample)
	var spent atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			start := time.Now()
			spin(each)
			spent.Add(int64(time.Since(start)))
		})
	}
	group.Wait()
	perIteration := float64(spent.Load()) / float64(workers) / float64(each)
	return time.Duration(perIteration * float64(total) / float64(workers))
}
