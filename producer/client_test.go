package producer_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/nesting"
	"github.com/musterfleet/muster/producer"
)

// D8: Stop refuses, and what was submitted still arrives.
func TestStop(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	f := submit(t, c, 1)
	c.Stop()
	c.Stop()
	for range 2 {
		_, err := producer.Submit(t.Context(), c, double, 1)
		require.ErrorIs(t, err, producer.ErrClosed)
		_, err = producer.Submit(t.Context(), c, double, 1, producer.Queue("other"))
		require.ErrorIs(t, err, producer.ErrClosed)
	}
	broker.succeed(f.ID(), 2)
	n, err := f.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Zero(t, broker.closed)
	require.NoError(t, c.Close(t.Context()))
	require.Equal(t, 1, broker.closed)
}

// D4: everything that has not started is cancelled, in few requests.
func TestCancelPending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := connect(t, broker)
		fs := submitN(t, c, 10_000)
		other := submit(t, c, 1, producer.Queue("other"))
		var called atomic.Int32
		for _, f := range fs[:5] {
			f.OnDone(func(*future) { called.Add(1) })
		}
		broker.start(fs[3].ID())
		broker.succeed(fs[4].ID(), 1)
		require.Equal(t, 9_999, cancels(t, c.CancelPending))
		synctest.Wait()
		require.EqualValues(t, 5-1, called.Load())
		require.Zero(t, cancels(t, c.CancelPending))
		require.Equal(t, producer.Running, fs[3].State())
		require.Equal(t, producer.Finished, fs[4].State())
		require.Equal(t, producer.Cancelled, fs[9_999].State())
		require.Equal(t, producer.Cancelled, other.State())
		require.Equal(t, 1, c.Pending())

		named := map[string]int{}
		for _, request := range broker.cancelRequests() {
			require.False(t, request.running)
			require.LessOrEqual(t, len(request.tasks), 4096)
			named[request.queue] += len(request.tasks)
		}
		require.Equal(t, map[string]int{producer.DefaultQueue: 9_998, "other": 1}, named)
		require.LessOrEqual(t, len(broker.cancelRequests()), 4)
	})
}

// Close waits for what is pending, refuses what comes, and may be repeated.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := connect(t, broker)
		f := submit(t, c, 1)
		closed := make(chan error, 2)
		for range 2 {
			go func() { closed <- c.Close(t.Context()) }()
		}
		synctest.Wait()
		require.Empty(t, closed)
		_, err := producer.Submit(t.Context(), c, double, 1)
		require.ErrorIs(t, err, producer.ErrClosed)
		broker.succeed(f.ID(), 2)
		require.NoError(t, <-closed)
		require.NoError(t, <-closed)
		require.NoError(t, c.Close(ended))
		require.Equal(t, 1, broker.closed)
		n, err := f.Result(ended)
		require.NoError(t, err)
		require.Equal(t, 2, n)
	})
}

// A Close whose context ends gives up for all: futures fail, callbacks run.
func TestCloseGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, &fake{})
		f := submit(t, c, 1)
		called := false
		f.OnDone(func(*future) { called = true })
		patient := make(chan error)
		go func() { patient <- c.Close(t.Context()) }()
		synctest.Wait()
		err := c.Close(ended)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "1 tasks pending")
		require.NoError(t, <-patient)
		require.ErrorIs(t, f.Err(t.Context()), producer.ErrClosed)
		require.False(t, cancels(t, f.Cancel))
		require.True(t, called)
		require.Zero(t, c.Pending())
	})
}

// A task cancelled just before does not keep Close.
func TestCloseAfterCancel(t *testing.T) {
	t.Parallel()
	c := connect(t, &fake{})
	for _, f := range submitN(t, c, 50) {
		go f.Cancel(t.Context())
	}
	require.NoError(t, c.Close(t.Context()))
}

func TestNewFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	broker := &fake{refuse: func(context.Context, string) error { return broken }}
	_, err := producer.New(t.Context(), broker)
	require.ErrorIs(t, err, broken)
	require.Equal(t, 1, broker.closed)
	for _, option := range []producer.Option{producer.WithQueue("no good"), producer.WithLogger(nil)} {
		_, err := producer.New(t.Context(), &fake{}, option)
		require.ErrorIs(t, err, producer.ErrOption)
		_, err = producer.Connect(t.Context(), "", option)
		require.ErrorIs(t, err, producer.ErrOption)
	}
}

// What travels with a task is what the options say.
func TestSubmitOptions(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker, producer.WithQueue("mine"))
	deadline := time.UnixMilli(time.Now().Add(time.Hour).UnixMilli())
	f := submit(t, c, 21, producer.Deadline(deadline), producer.Limit(time.Minute), producer.Crashes(1),
		producer.Header(map[string]string{"traceparent": "00-1"}))
	submit(t, c, 22, producer.Queue("other"))
	require.NoError(t, c.Flush(t.Context()))
	batches := broker.sent()
	require.Equal(t, "mine", batches[0].queue)
	require.Equal(t, "other", batches[1].queue)
	task := batches[0].tasks[0]
	require.Equal(t, "double", task.Func)
	require.Equal(t, f.ID(), codec.ID{Client: c.ID(), N: task.N})
	require.True(t, deadline.Equal(task.Deadline))
	require.Equal(t, time.Minute, task.Limit)
	require.Equal(t, 1, task.MaxCrashes)
	require.Equal(t, "00-1", task.Header["traceparent"])
	arg, err := double.Arg(task.Arg)
	require.NoError(t, err)
	require.Equal(t, 21, arg)
}

// The argument is what it was when it was submitted.
func TestSubmitCopies(t *testing.T) {
	t.Parallel()
	sum := codec.NewFunc[[]int, int]("sum")
	broker := &fake{}
	c := connect(t, broker)
	numbers := []int{1, 2, 3}
	_, err := producer.Submit(t.Context(), c, sum, numbers)
	require.NoError(t, err)
	numbers[0] = 100
	require.NoError(t, c.Flush(t.Context()))
	sent, err := sum.Arg(broker.sent()[0].tasks[0].Arg)
	require.NoError(t, err)
	require.Equal(t, []int{1, 2, 3}, sent)
}

func TestSubmitRefuses(t *testing.T) {
	t.Parallel()
	c := connect(t, &fake{})
	for _, test := range []struct {
		ctx  context.Context
		f    codec.Func[any, int]
		arg  any
		want error
	}{
		{t.Context(), codec.NewFunc[any, int]("no good"), 1, codec.ErrName},
		{t.Context(), codec.NewFunc[any, int]("f", codec.WithErrors(nil)), 1, codec.ErrOption},
		{t.Context(), codec.NewFunc[any, int]("f"), make(chan int), codec.ErrEncode},
		{t.Context(), codec.NewFunc[any, int]("f"), make([]byte, 2<<20), codec.ErrTooLarge},
		{ended, codec.NewFunc[any, int]("f"), 1, context.Canceled},
		{inside{t.Context(), nesting.Call{Depth: nesting.MaxDepth}}, codec.NewFunc[any, int]("f"), 1, codec.ErrDepth},
	} {
		f, err := producer.Submit(test.ctx, c, test.f, test.arg)
		require.ErrorIs(t, err, test.want)
		require.Nil(t, f)
	}
	require.Zero(t, c.Pending())
}

// inside is the context of a task.
type inside struct {
	context.Context
	call nesting.Call
}

func (c inside) Value(key any) any {
	if key == (nesting.Key{}) {
		return c.call
	}
	return c.Context.Value(key)
}

// A call from inside a task carries its depth, and whoever waits there gives way.
func TestNested(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := connect(t, broker)
		waiting, waits := 0, 0
		ctx := inside{t.Context(), nesting.Call{Depth: 3, Wait: func() func() {
			waiting++
			waits++
			return func() { waiting-- }
		}}}
		later := func(id codec.ID) {
			go func() {
				time.Sleep(time.Second)
				broker.succeed(id, 1)
			}()
		}
		f, err := producer.Submit(ctx, c, double, 1)
		require.NoError(t, err)
		require.NoError(t, c.Flush(t.Context()))
		require.Equal(t, 4, broker.sent()[0].tasks[0].Depth)
		later(f.ID())
		require.NoError(t, f.Err(ctx))
		require.Equal(t, 1, waits)
		require.NoError(t, f.Err(ctx))
		require.Equal(t, 1, waits, "nothing to wait for")

		g := submit(t, c, 1)
		later(g.ID())
		_, _, err = producer.Wait(ctx, producer.AllCompleted, g)
		require.NoError(t, err)
		require.Equal(t, 2, waits)
		later(codec.ID{N: 2})
		_, err = producer.Collect(producer.MapUnordered(ctx, c, double, count(1, nil)))
		require.NoError(t, err)
		require.Greater(t, waits, 2)
		require.Zero(t, waiting)
	})
}
