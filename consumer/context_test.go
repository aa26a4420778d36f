package consumer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/nesting"
)

type otherKey struct{}

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
	r.stop(1, 7, codec.CodeTimeLimit) // nothing runs
	c := newTaskContext(&origin{}, &codec.Task{})
	r.begin(c, 1, 0)
	r.stop(1, 1, codec.CodeTimeLimit)
	r.stop(2, 0, codec.CodeTimeLimit)
	require.NoError(t, c.Err())
	r.stop(1, 0, codec.CodeTimeLimit)
	require.ErrorIs(t, c.Err(), context.DeadlineExceeded)
	r.stop(1, 0, codec.CodeCancelled)
	require.Equal(t, codec.CodeTimeLimit, c.stoppedFor(), "the first reason stands")

	next := newTaskContext(&origin{}, &codec.Task{})
	r.begin(next, 1, 1)
	r.stop(1, 0, codec.CodeCancelled)
	require.Empty(t, next.stoppedFor(), "the next task starts afresh")
	r.end()
	r.stop(1, 1, codec.CodeCancelled)
	require.NoError(t, next.Err(), "nothing runs")
}

// The supervisor sees a task begun a moment before the process can stop it.
func TestStopReachesATaskThatIsBeginning(t *testing.T) {
	t.Parallel()
	var r running
	r.stop(3, 2, codec.CodeTimeLimit)
	c := newTaskContext(&origin{}, &codec.Task{})
	r.begin(c, 3, 2)
	require.Equal(t, codec.CodeTimeLimit, c.stoppedFor())
	require.ErrorIs(t, c.Err(), context.DeadlineExceeded)
}

func TestHandlerTellsThatItWaits(t *testing.T) {
	t.Parallel()
	f := functions{}
	handle(f, "wait", func(ctx context.Context, _ int) (int, error) {
		call, _ := nesting.Of(ctx)
		resume := call.Wait()
		resume()
		return call.Depth, nil
	})
	told := make(chan string, 2)
	s := serve(t, f, func(cfg *Config) {
		cfg.Wait = func() (resume func()) {
			told <- "waits"
			return func() { told <- "goes on" }
		}
	})
	task := call("wait", 0)
	task.Depth = 2
	s.give(1, task)
	requireValue(t, 2, s.outcome(1))
	require.Equal(t, "waits", await(s, told))
	require.Equal(t, "goes on", await(s, told))
}
