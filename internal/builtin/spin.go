package builtin

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/codec"
)

// Spin computes for as long as takes a number of seconds on an idle core of its
// host, and returns a number by which its process is told from others. A task that
// watched the clock instead would count as work the time in which others have its
// core. It fails with the context's error when that ends first.
var Spin = codec.NewFunc[float64, uint64]("spin")

var process = rand.Uint64()

// spinLook is how many iterations pass between two looks at the context, about a
// millisecond.
const spinLook = 1 << 20

func spin(ctx context.Context, seconds float64) (uint64, error) {
	if !(seconds >= 0) {
		return 0, fmt.Errorf("cannot spin for %v seconds; use 0 or more", seconds)
	}
	if seconds == 0 {
		return process, nil
	}
	left := seconds * iterationsPerSecond()
	for ; left > spinLook; left -= spinLook {
		iterate(spinLook)
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
	}
	iterate(int(left))
	return process, nil
}

var sink atomic.Uint64

//go:noinline
func iterate(n int) {
	x := uint64(n) | 1
	for range n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	if x == 0 {
		sink.Add(1)
	}
}

// iterationsPerSecond is taken from the best of many short runs, which others on
// the machine disturb least.
var iterationsPerSecond = sync.OnceValue(func() float64 {
	const sample = 100_000
	best := time.Hour
	for range 25 {
		began := time.Now()
		iterate(sample)
		best = min(best, time.Since(began))
	}
	return sample / max(best, time.Nanosecond).Seconds()
})
