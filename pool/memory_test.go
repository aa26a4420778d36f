package pool

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNextMemoryLook(t *testing.T) {
	t.Parallel()
	const limit = 1000
	for _, test := range []struct {
		used, before uint64
		want         time.Duration
	}{
		{100, 100, memoryLook},
		{100, 200, memoryLook},
		{900, 900, memoryNearLook},
		{500, 0, 50 * time.Millisecond}, // there in 100 ms
		{950, 0, memoryLeastLook},
		{1000, 1000, memoryLeastLook},
		{2000, 0, memoryLeastLook},
	} {
		require.InDelta(t, test.want, nextMemoryLook(limit, test.used, test.before, 100*time.Millisecond), float64(time.Microsecond), test)
	}
}
