package handoff

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

func TestBackoffDoublesWithJitter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		task codec.Task
		most time.Duration
	}{
		{codec.Task{Errors: 1}, codec.DefaultBackoff},
		{codec.Task{Errors: 3}, 4 * codec.DefaultBackoff},
		{codec.Task{Errors: 2, Backoff: 300 * time.Millisecond}, 600 * time.Millisecond},
		{codec.Task{Errors: 1, Backoff: 24 * time.Hour}, maxBackoff},
		{codec.Task{Errors: 1 << 20}, maxBackoff},
	} {
		seen := map[time.Duration]bool{}
		for range 200 {
			wait := Backoff(&c.task)
			require.GreaterOrEqual(t, wait, c.most/2)
			require.LessOrEqual(t, wait, c.most)
			seen[wait] = true
		}
		require.Greater(t, len(seen), 1, "what failed together is not tried together")
	}
}

func TestNextAttemptIsScheduledOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := testContext(t)
	require.NoError(t, broker.EnsureQueue(ctx, b.js, "q", broker.StreamOptions{}))
	task := &codec.Task{N: 5, Func: "f", Arg: []byte{1}, Errors: 1, MaxErrors: 2}
	done := make(chan error, 2)
	for range 2 {
		b.desk.Retry("q", broker.Low, client, task, time.Now().Add(time.Second), func(err error) { done <- err })
		require.NoError(t, <-done)
	}
	low, err := b.js.Consumer(ctx, broker.TaskStream("q"), broker.WorkersConsumer(broker.Low))
	require.NoError(t, err)
	first, err := low.Next(jetstream.FetchMaxWait(10 * time.Second))
	require.NoError(t, err)
	var batch codec.Batch
	require.NoError(t, batch.Decode(first.Data()))
	require.Equal(t, client, batch.Client)
	require.Equal(t, []codec.Task{*task}, batch.Tasks)
	require.NoError(t, first.DoubleAck(ctx))
	second, err := low.FetchNoWait(1)
	require.NoError(t, err)
	require.Empty(t, second.Messages())
}
