package builtin

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/musterfleet/muster/codec"
)

// Sleep sleeps for a number of seconds, or until its context ends, and returns the
// number of seconds that it slept.
var Sleep = codec.NewFunc[float64, float64]("sleep")

func sleep(ctx context.Context, seconds float64) (float64, error) {
	if !(seconds >= 0) {
		return 0, fmt.Errorf("cannot sleep %v seconds; use 0 or more", seconds)
	}
	length := time.Duration(math.MaxInt64)
	if seconds < length.Seconds() {
		length = time.Duration(seconds * float64(time.Second))
	}
	began := time.Now()
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return time.Since(began).Seconds(), nil
}
