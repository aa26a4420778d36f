package scoreboard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/scoreboard"
)

func TestRunsTellsTheRunningTask(t *testing.T) {
	t.Parallel()
	b, f, err := scoreboard.New()
	require.NoError(t, err)
	defer f.Close()
	defer b.Close()
	s, ok := b.Take("ack", "client", 0, 2)
	require.True(t, ok)
	require.False(t, b.Deliveries()[0].Runs("client", 0), "nothing has started")

	limit := time.Unix(0, 12345)
	s.Start(0, 41, 1, limit.UnixNano())
	d := b.Deliveries()[0]
	require.True(t, d.Runs("client", 41))
	require.False(t, d.Runs("client", 42))
	require.False(t, d.Runs("other", 41))
	require.Equal(t, limit, d.LimitAt)

	s.Finish()
	d = b.Deliveries()[0]
	require.False(t, d.Runs("client", 41))
	require.Zero(t, d.LimitAt, "what does not run has no limit")

	s.Start(0, 42, 2, 0)
	require.Zero(t, b.Deliveries()[0].LimitAt)
}
