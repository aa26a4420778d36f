package mustertest_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/mustertest"
	"github.com/musterfleet/muster/producer"
)

var (
	errOdd = errors.New("odd")

	half    = codec.NewFunc[int, int]("half", codec.WithErrors(errOdd))
	explode = codec.NewFunc[string, int]("explode")
	wait    = codec.NewFunc[string, int]("wait") // until released, or its context ends
	nest    = codec.NewFunc[int, int]("nest")
	append1 = codec.NewFunc[[]int, []int]("append1")
	blob    = codec.NewFunc[int, []byte]("blob")
	channel = codec.NewFunc[int, any]("channel")
	missing = codec.NewFunc[int, int]("missing")

	release atomic.Value // chan struct{}, of the test that waits
	active  atomic.Int64
	most    atomic.Int64
	nested  atomic.Pointer[producer.Client]
)

func TestMain(m *testing.M) {
	consumer.Handle(half, func(_ context.Context, n int) (int, error) {
		if n%2 != 0 {
			return 0, errOdd
		}
		return n / 2, nil
	})
	consumer.Handle(explode, func(_ context.Context, how string) (int, error) {
		if how == "goexit" {
			runtime.Goexit()
		}
		panic(how)
	})
	consumer.Handle(wait, func(ctx context.Context, _ string) (int, error) {
		n := active.Add(1)
		defer active.Add(-1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
		}
		select {
		case <-release.Load().(chan struct{}):
			return 1, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
	consumer.Handle(nest, func(ctx context.Context, n int) (int, error) {
		if n == 0 {
			return 0, nil
		}
		f, err := producer.Submit(ctx, nested.Load(), nest, n-1)
		if err != nil {
			return 0, err
		}
		inner, err := f.Result(ctx)
		return inner + 1, err
	})
	consumer.Handle(append1, func(_ context.Context, s []int) ([]int, error) {
		s[0] = 100
		return append(s, 1), nil
	})
	consumer.Handle(blob, func(_ context.Context, n int) ([]byte, error) { return make([]byte, n), nil })
	consumer.Handle(channel, func(context.Context, int) (any, error) { return make(chan int), nil })
	goleak.VerifyTestMain(m, sourcing)
}

// sourcing leaves out what a server that is shut down while a stream begins to
// fetch from another leaves behind for up to 5 seconds.
var sourcing = goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3")

// Values, errors and what cannot cross are as with worker processes.
func TestOutcomes(t *testing.T) {
	c := mustertest.NewClient(t)
	got, err := call(t, c, half, 42)
	require.NoError(t, err)
	require.Equal(t, 21, got)

	_, err = call(t, c, half, 3)
	var remote *codec.RemoteError
	require.ErrorAs(t, err, &remote)
	require.ErrorIs(t, err, errOdd)
	require.Equal(t, "*errors.errorString", remote.Type)
	require.Equal(t, os.Getpid(), remote.PID)
	require.Equal(t, 1, remote.Attempt)
	require.NotEmpty(t, remote.Host)

	_, err = call(t, c, explode, "ow")
	require.ErrorIs(t, err, codec.ErrPanic)
	require.ErrorContains(t, err, "ow")
	_, err = call(t, c, explode, "goexit")
	require.ErrorIs(t, err, codec.ErrGoexit)
	_, err = call(t, c, missing, 1)
	require.ErrorIs(t, err, codec.ErrUnknownFunc)
	_, err = call(t, c, channel, 1)
	require.ErrorIs(t, err, codec.ErrResult)
	_, err = call(t, c, blob, 2<<20)
	require.ErrorIs(t, err, codec.ErrTooLarge)
	_, err = call(t, c, codec.NewFunc[int, string]("half"), 2)
	require.ErrorIs(t, err, codec.ErrDecode)
	_, err = call(t, c, codec.NewFunc[string, int]("half"), "2")
	require.ErrorIs(t, err, codec.ErrArgument)

	_, err = call(t, c, half, 2, producer.Deadline(time.Now().Add(-time.Second)))
	require.ErrorIs(t, err, codec.ErrExpired)
}

// Nothing is shared between caller and handler.
func TestCopies(t *testing.T) {
	c := mustertest.NewClient(t)
	sent := append(make([]int, 0, 10), 7)
	got, err := call(t, c, append1, sent)
	require.NoError(t, err)
	require.Equal(t, []int{100, 1}, got)
	require.Equal(t, []int{7}, sent)
}

func TestMap(t *testing.T) {
	c := mustertest.NewClient(t)
	var args, want []int
	for i := range 1000 {
		args, want = append(args, 2*i), append(want, i)
	}
	got, err := producer.Collect(producer.Map(t.Context(), c, half, slices.Values(args)))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// Only so many run at a time; what waits for others does not count.
func TestConcurrency(t *testing.T) {
	release.Store(make(chan struct{}))
	most.Store(0)
	c := mustertest.NewClient(t)
	var fs []*producer.Future[int]
	for range 3 * mustertest.Concurrency {
		f, err := producer.Submit(t.Context(), c, wait, "")
		require.NoError(t, err)
		fs = append(fs, f)
	}
	require.Eventually(t, func() bool { return active.Load() == mustertest.Concurrency }, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return fs[0].State() == producer.Running }, 10*time.Second, time.Millisecond)
	require.False(t, cancels(t, fs[0].Cancel))
	last := fs[len(fs)-1]
	require.True(t, cancels(t, last.Cancel))
	close(release.Load().(chan struct{}))
	for _, f := range fs[:len(fs)-1] {
		require.NoError(t, f.Err(t.Context()))
	}
	require.EqualValues(t, mustertest.Concurrency, most.Load())
	require.NoError(t, c.Close(t.Context()))
}

// Tasks that wait for their own tasks end, up to the depth allowed.
func TestNested(t *testing.T) {
	c := mustertest.NewClient(t)
	nested.Store(c)
	var fs []*producer.Future[int]
	for range 2 * mustertest.Concurrency {
		f, err := producer.Submit(t.Context(), c, nest, 5)
		require.NoError(t, err)
		fs = append(fs, f)
	}
	for _, f := range fs {
		n, err := f.Result(t.Context())
		require.NoError(t, err)
		require.Equal(t, 5, n)
	}
	_, err := call(t, c, nest, 50)
	require.ErrorContains(t, err, codec.ErrDepth.Error())
}

// A handler is stopped by its context: at its limit, when killed, and at the end
// of the test.
func TestStopped(t *testing.T) {
	release.Store(make(chan struct{}))
	c := mustertest.NewClient(t)
	_, err := call(t, c, wait, "", producer.Limit(time.Millisecond))
	require.ErrorIs(t, err, codec.ErrTimeLimit)

	f, err := producer.Submit(t.Context(), c, wait, "")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return active.Load() == 1 }, 10*time.Second, time.Millisecond)
	require.True(t, cancels(t, f.Kill))
	require.Eventually(t, func() bool { return active.Load() == 0 }, 10*time.Second, time.Millisecond)

	var left *producer.Future[int]
	t.Run("end", func(t *testing.T) {
		c := mustertest.NewClient(t)
		for range 2 * mustertest.Concurrency {
			var err error
			left, err = producer.Submit(t.Context(), c, wait, "")
			require.NoError(t, err)
		}
	})
	require.ErrorIs(t, left.Err(t.Context()), codec.ErrCancelled)
	require.Zero(t, active.Load())
}

func call[A, R any](t *testing.T, c *producer.Client, f codec.Func[A, R], arg A, options ...producer.CallOption) (R, error) {
	t.Helper()
	future, err := producer.Submit(t.Context(), c, f, arg, options...)
	require.NoError(t, err)
	return future.Result(t.Context())
}

// cancels calls a method that cancels, and returns what it says to have cancelled.
func cancels[T any](t testing.TB, cancel func(context.Context) (T, error)) T {
	t.Helper()
	cancelled, err := cancel(context.Background())
	require.NoError(t, err)
	return cancelled
}
