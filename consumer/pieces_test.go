package consumer

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/nesting"
	"github.com/musterfleet/muster/internal/scoreboard"
)

func TestCancelsRememberTheLatest(t *testing.T) {
	t.Parallel()
	var c cancels
	require.False(t, c.has("a", 1))
	for n := range uint64(maxCancels + 10) {
		c.add(codec.ID{Client: "a", N: n})
		c.add(codec.ID{Client: "a", N: n}) // twice is once
	}
	require.False(t, c.has("a", 9), "the oldest gave way")
	require.True(t, c.has("a", 10))
	require.True(t, c.has("a", maxCancels+9))
	require.False(t, c.has("b", 10))
	require.Len(t, c.ids, maxCancels)
}

func TestTenureOver(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	live := context.Background()
	for name, c := range map[string]struct {
		tenure tenure
		ctx    context.Context
		want   Leaving
	}{
		"unbounded":        {tenure{served: 1 << 20}, live, ""},
		"told to":          {tenure{}, ended, LeavingDrained},
		"one task to go":   {tenure{Tenure: Tenure{Tasks: 3}, served: 2}, live, ""},
		"tasks served":     {tenure{Tenure: Tenure{Tasks: 3}, served: 3}, live, LeavingTasks},
		"fresh process":    {tenure{Tenure: Tenure{Memory: 1}}, live, ""},
		"memory":           {tenure{Tenure: Tenure{Memory: 1}, served: 1}, live, memoryOr("")},
		"memory enough":    {tenure{Tenure: Tenure{Memory: 1 << 50}, served: 1}, live, ""},
		"weighed just now": {tenure{Tenure: Tenure{Memory: 1}, served: 1, weighed: time.Now().Add(time.Hour)}, live, ""},
	} {
		require.Equal(t, c.want, c.tenure.over(c.ctx), name)
	}
}

type otherKey struct{}

// memoryOr is what memory leads to where the system tells of it.
func memoryOr(otherwise Leaving) Leaving {
	if runtime.GOOS == "linux" {
		return LeavingMemory
	}
	return otherwise
}

func TestTaskContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deadline := time.Now().Add(time.Second)
		info := Info{ID: codec.ID{Client: "a", N: 7}, Func: "f", Attempt: 2, Deadline: deadline, Header: map[string]string{"k": "v"}}
		c := newTaskContext(&origin{client: "a"}, &codec.Task{N: 7, Func: "f", Crashes: 1, Depth: 3, Deadline: deadline, Header: info.Header})
		defer c.release()
		got, ok := Task(context.WithValue(c, otherKey{}, 1))
		require.True(t, ok)
		require.Equal(t, info, got)
		call, inside := nesting.Of(c)
		require.True(t, inside)
		require.Equal(t, 3, call.Depth)
		at, has := c.Deadline()
		require.True(t, has)
		require.Equal(t, deadline, at)
		require.NoError(t, c.Err())

		child, cancel := context.WithCancel(c)
		defer cancel()
		<-child.Done()
		require.Equal(t, deadline, time.Now())
		require.ErrorIs(t, child.Err(), context.DeadlineExceeded)
		require.ErrorIs(t, c.Err(), context.DeadlineExceeded)
		c.end(endCancelled)
		require.ErrorIs(t, c.Err(), context.DeadlineExceeded, "the first reason stands")
	})
	_, ok := Task(context.Background())
	require.False(t, ok)
	require.NotNil(t, Logger(context.Background()))
}

func TestContextEndsWithItsTask(t *testing.T) {
	t.Parallel()
	c := newTaskContext(&origin{}, &codec.Task{})
	c.release()
	<-c.Done()
	require.ErrorIs(t, c.Err(), context.Canceled)
}

func TestStopEndsOnlyTheTaskNamed(t *testing.T) {
	t.Parallel()
	var r running
	r.stop(scoreboard.Client("a"), 1, codec.CodeTimeLimit) // nothing runs
	c := newTaskContext(&origin{client: "a"}, &codec.Task{N: 1})
	r.begin(c, time.Now())
	r.stop(scoreboard.Client("a"), 2, codec.CodeTimeLimit)
	r.stop(scoreboard.Client("b"), 1, codec.CodeTimeLimit)
	require.NoError(t, c.Err())
	r.stop(scoreboard.Client("a"), 1, codec.CodeTimeLimit)
	require.ErrorIs(t, c.Err(), context.DeadlineExceeded)
	r.stop(scoreboard.Client("a"), 1, codec.CodeCancelled)
	require.Equal(t, codec.CodeTimeLimit, c.stoppedFor(), "the first reason stands")

	next := newTaskContext(&origin{client: "a"}, &codec.Task{N: 2})
	r.begin(next, time.Now())
	r.stop(scoreboard.Client("a"), 1, codec.CodeCancelled)
	require.Empty(t, next.stoppedFor(), "the next task starts afresh")
	r.end()
	r.stop(scoreboard.Client("a"), 2, codec.CodeCancelled)
	require.NoError(t, next.Err(), "nothing runs")
}

func TestAnnouncedOnce(t *testing.T) {
	t.Parallel()
	var r running
	_, ok := r.announce()
	require.False(t, ok)
	c := newTaskContext(&origin{client: "a"}, &codec.Task{N: 1})
	now := time.Now()
	r.begin(c, now)
	active, age := r.look(now.Add(time.Second))
	require.True(t, active)
	require.Equal(t, time.Second, age)
	require.False(t, r.long(now.Add(long-1)))
	require.True(t, r.long(now.Add(long)))
	task, ok := r.announce()
	require.True(t, ok)
	require.Same(t, c, task)
	_, ok = r.announce()
	require.False(t, ok)
	require.True(t, r.long(now.Add(time.Hour)), "long it stays")
}

func TestFunctionLearnsItsRunTime(t *testing.T) {
	t.Parallel()
	f := &function{}
	require.True(t, f.takes(long), "nothing is known")
	f.observe(0)
	require.False(t, f.takes(long))
	for range 50 {
		f.observe(10 * time.Millisecond)
	}
	require.True(t, f.takes(long))
	for range 50 {
		f.observe(0)
	}
	require.False(t, f.takes(long))
}

func TestRunTurnsPanicsIntoFailures(t *testing.T) {
	t.Parallel()
	h := typed(codec.NewFunc[int, int]("f"), func(_ context.Context, n int) (int, error) {
		switch n {
		case 0:
			panic("no zero")
		case 1:
			return 0, errors.New("no one")
		case 2:
			var err *nilError
			return 0, err
		}
		return n * n, nil
	})
	for n, want := range []codec.Code{codec.CodePanic, codec.CodeError, "", ""} {
		arg, err := codec.AppendValue(nil, n)
		require.NoError(t, err)
		out, failure := h.run(context.Background(), nil, arg)
		switch {
		case n == 2:
			require.NotNil(t, failure, "a typed nil is a failure")
		case want == "":
			require.Nil(t, failure)
			square, err := codec.Value[int](out)
			require.NoError(t, err)
			require.Equal(t, n*n, square)
		default:
			require.NotNil(t, failure)
			require.Equal(t, want, failure.Code)
		}
	}
	_, failure := h.run(context.Background(), nil, []byte{0xc1})
	require.Equal(t, codec.CodeArgument, failure.Code)
}

type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func TestHandleRefusesProgramsThatCannotWork(t *testing.T) {
	f := codec.NewFunc[int, int]("consumer.test.twice")
	square := func(_ context.Context, n int) (int, error) { return n * n, nil }
	Handle(f, square)
	require.Contains(t, Handled(), f.Name())
	require.Panics(t, func() { Handle(f, square) })
	require.Panics(t, func() { Handle(codec.NewFunc[int, int]("bad name"), square) })
	require.Panics(t, func() { Handle(codec.NewFunc[int, int]("consumer.test.nil"), nil) })

	arg, err := f.AppendArg(nil, 3)
	require.NoError(t, err)
	require.NoError(t, Call(context.Background(), f.Name(), arg))
	require.ErrorIs(t, Call(context.Background(), "consumer.test.none", arg), codec.ErrUnknownFunc)
}

// Nobody who has waited for long waits for much longer, and a clock that is wrong does
// no harm.
func TestLingerAfter(t *testing.T) {
	t.Parallel()
	for waited, want := range map[time.Duration]time.Duration{
		-time.Hour: time.Millisecond, 0: time.Millisecond, 16 * time.Millisecond: time.Millisecond,
		80 * time.Millisecond: 5 * time.Millisecond, time.Hour: 10 * time.Millisecond,
	} {
		require.Equal(t, want, lingerAfter(waited), waited)
	}
}
