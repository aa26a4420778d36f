package bench

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/builtin"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

func TestMain(m *testing.M) {
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // of the worker processes
	builtin.Register()
	pool.Main()
	os.Exit(m.Run())
}

func local(t *testing.T) *pool.Pool {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := pool.Local(ctx, pool.Processes(2), pool.WithLogger(slog.New(slog.DiscardHandler)), pool.WithOutput(io.Discard, io.Discard))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Kill()) })
	return p
}

func TestRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	last := 0.0
	report, err := Run(ctx, local(t).Client(), Config{
		For: 350 * time.Millisecond, Patience: time.Minute,
		Progress: func(share float64) {
			require.GreaterOrEqual(t, share, last)
			last = share
		},
	})
	require.NoError(t, err)
	require.Equal(t, 1.0, last)
	require.Positive(t, report.Submit.PerSecond)
	require.Positive(t, report.Map.PerSecond)
	require.Positive(t, report.Latency.Median)
	require.GreaterOrEqual(t, report.Latency.P99, report.Latency.Median)
	require.Len(t, report.Spin, len(lengths))
	require.Contains(t, []int{1, 2}, report.Processes) // one may be late, and idle
	for _, l := range report.Spin {
		require.Positive(t, l.Efficiency)
		require.Positive(t, l.Tasks)
	}
}

// A queue that nobody serves is named, and nothing is left in it.
func TestNobody(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := producer.Connect(ctx, local(t).URL(), producer.WithQueue("nobody"))
	require.NoError(t, err)
	_, err = Run(ctx, c, Config{For: time.Second, Patience: 100 * time.Millisecond})
	require.ErrorIs(t, err, ErrNobody)
	require.NoError(t, c.Close(ctx), "nothing is pending")
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := local(t).Client()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, c, Config{For: time.Hour, Patience: time.Minute, Progress: func(float64) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	ended, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, c.Close(ended), "nothing is pending")
}
