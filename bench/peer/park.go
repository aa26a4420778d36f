package peer

import (
	"context"
	"fmt"
	"runtime"
)

// parkOn parks futures and measures the memory that each takes.
func parkOn(ctx context.Context, c client, n int) (release func(), bytes float64, err error) {
	p, ok := c.(parker)
	if !ok {
		return nil, 0, ErrUnsupported
	}
	before := heapInUse()
	release, err = p.park(ctx, n)
	if err != nil {
		return nil, 0, fmt.Errorf("parking %d futures: %w", n, err)
	}
	return release, (heapInUse() - before) / float64(n), nil
}

func heapInUse() float64 {
	runtime.GC()
	runtime.GC() // the second frees what pools kept through the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
