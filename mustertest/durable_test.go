package mustertest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/mustertest"
	"github.com/musterfleet/muster/producer"
)

var flaky = codec.NewFunc[int, int]("flaky")

func init() {
	consumer.Handle(flaky, func(ctx context.Context, failures int) (int, error) {
		task, _ := consumer.Task(ctx)
		switch {
		case failures < 0:
			return 0, codec.Final(errors.New("never"))
		case task.Attempt <= failures:
			return 0, errors.New("not yet")
		}
		return task.Attempt, nil
	})
}

// The error budget is kept to, an error that is final ends it.
func TestAttempts(t *testing.T) {
	t.Parallel()
	c := mustertest.NewClient(t)
	for _, call := range []struct {
		failures, attempts, want int
		message                  string
	}{
		{failures: 2, attempts: 3, want: 3},
		{failures: 3, attempts: 3, message: "not yet"},
		{failures: 1, attempts: 1, message: "not yet"},
		{failures: -1, attempts: 3, message: "never"},
	} {
		f, err := producer.Submit(t.Context(), c, flaky, call.failures, producer.Attempts(call.attempts), producer.Backoff(time.Minute))
		require.NoError(t, err)
		attempt, err := f.Result(t.Context())
		require.Equal(t, call.want, attempt)
		if call.message == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, call.message)
		}
	}
}

// A durable outcome may be asked for again, and a cancelled task's too.
func TestAttach(t *testing.T) {
	t.Parallel()
	c := mustertest.NewClient(t)
	f, err := producer.Submit(t.Context(), c, half, 42, producer.Retain(time.Hour))
	require.NoError(t, err)
	_, err = f.Result(t.Context())
	require.NoError(t, err)
	again, err := producer.Attach(t.Context(), c, half, f.ID())
	require.NoError(t, err)
	require.Equal(t, producer.Finished, again.State())
	n, err := again.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, 21, n)

	f, err = producer.Submit(t.Context(), c, half, 42, producer.Retain(time.Hour), producer.Delay(time.Hour))
	require.NoError(t, err)
	require.True(t, cancels(t, f.Cancel))
	again, err = producer.Attach(t.Context(), c, half, f.ID())
	require.NoError(t, err)
	require.Equal(t, producer.Cancelled, again.State())
}

// One task at a time has a key; when it is done the next one gets it.
func TestKey(t *testing.T) {
	t.Parallel()
	gates["key"], gates["other"] = make(chan struct{}), make(chan struct{})
	c := mustertest.NewClient(t)
	submit := func() *producer.Future[int] {
		f, err := producer.Submit(t.Context(), c, block, "key", producer.Key("k"))
		require.NoError(t, err)
		return f
	}
	f, same := submit(), submit()
	require.Equal(t, f.ID(), same.ID())
	other, err := producer.Submit(t.Context(), c, block, "other", producer.Key("other"))
	require.NoError(t, err)
	require.NotEqual(t, f.ID(), other.ID())
	_, err = producer.Submit(t.Context(), c, half, 2, producer.Key("k"))
	require.ErrorIs(t, err, producer.ErrKeyHeld)
	close(gates["key"])
	close(gates["other"])
	for _, f := range []*producer.Future[int]{f, same, other} {
		require.NoError(t, f.Err(t.Context()))
	}
	next := submit()
	require.NotEqual(t, f.ID(), next.ID())
	require.NoError(t, next.Err(t.Context()))
}

// block returns when its gate is open.
var (
	block = codec.NewFunc[string, int]("block")
	gates = map[string]chan struct{}{} // TestKey's
)

func init() {
	consumer.Handle(block, func(_ context.Context, gate string) (int, error) {
		<-gates[gate]
		return 0, nil
	})
}

// A delayed task starts when its time has come, unless it is cancelled before.
func TestDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := mustertest.NewClient(t)
		began := time.Now()
		f, err := producer.Submit(t.Context(), c, half, 42, producer.Delay(time.Hour))
		require.NoError(t, err)
		none, err := producer.Submit(t.Context(), c, half, 42, producer.Delay(time.Hour))
		require.NoError(t, err)
		require.True(t, cancels(t, none.Cancel))
		require.NoError(t, f.Err(t.Context()))
		require.Equal(t, time.Hour, time.Since(began))
		require.ErrorContains(t, producer.Schedule(t.Context(), c, "s", "@hourly", half, 1), "schedules")
	})
}
