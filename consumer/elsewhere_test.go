package consumer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAwayPause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		delivered uint64
		processes int
		pause     time.Duration
		again     bool
	}{
		{delivered: 1, processes: 2, again: true},
		{delivered: 2, processes: 2, pause: firstAwayPause, again: true},
		{delivered: 3, processes: 2, again: true},
		{delivered: 4, processes: 2, pause: 2 * firstAwayPause, again: true},
		{delivered: 1, processes: 1, pause: firstAwayPause, again: true},
		{delivered: 799, processes: 800, again: true},
		{delivered: 800, processes: 800, pause: firstAwayPause, again: true},
		{delivered: 1000, processes: 1 << 40, pause: firstAwayPause, again: true},
		{delivered: 40 * 2, processes: 2, pause: maxAwayPause, again: true},
		{delivered: 2 * maxAwayRounds, processes: 2, pause: maxAwayPause, again: true},
		{delivered: 2*maxAwayRounds + 2, processes: 2},
		{delivered: 1 << 63, processes: 2},
	} {
		pause, again := awayPause(c.delivered, c.processes)
		require.Equal(t, c.pause, pause, "%+v", c)
		require.Equal(t, c.again, again, "%+v", c)
	}
}
