package consumer

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestStopEndsTheTaskThatRunsAndNoOther(t *testing.T) {
	t.Parallel()
	f := functions{}
	g := newGate(t, f)
	s := serve(t, f)
	s.worker.Stop(9, 0, codec.CodeCancelled) // nothing runs
	s.give(1, calls("wait", 0, 1, 2, 3)...)

	await(s, g.began)
	s.worker.Stop(1, 1, codec.CodeTimeLimit)
	s.worker.Stop(2, 0, codec.CodeTimeLimit)
	g.open <- struct{}{}
	require.Equal(t, 1, await(s, g.began))
	requireValue(t, 0, s.outcome(1))

	s.worker.Stop(1, 0, codec.CodeCancelled) // it is over
	s.worker.Stop(1, 1, codec.CodeTimeLimit)
	s.worker.Stop(1, 1, codec.CodeCancelled) // the first reason stands
	require.Equal(t, 2, await(s, g.began))
	limited := requireFailure(t, codec.CodeTimeLimit, s.outcome(1))
	require.Equal(t, context.DeadlineExceeded.Error(), limited.Message)

	s.worker.Stop(1, 2, codec.CodeCancelled)
	require.Equal(t, 3, await(s, g.began))
	cancelled := requireFailure(t, codec.CodeCancelled, s.outcome(1))
	require.Equal(t, context.Canceled.Error(), cancelled.Message)

	g.open <- struct{}{}
	requireValue(t, 3, s.outcome(1))
	s.give(2, calls("wait", 4)...)
	await(s, g.began)
	s.worker.Stop(1, 0, codec.CodeCancelled) // the same index of another run
	g.open <- struct{}{}
	requireValue(t, 4, s.outcome(2))
	s.drain()
	s.leaves(LeavingDrained)
}

func TestTaskThatWasStoppedCanStillReturnAValue(t *testing.T) {
	t.Parallel()
	f := functions{}
	began := make(chan struct{}, 1)
	handle(f, "stubborn", func(ctx context.Context, n int) (int, error) {
		began <- struct{}{}
		<-ctx.Done()
		return n, nil
	})
	s := serve(t, f)
	s.give(1, calls("stubborn", 5)...)
	await(s, began)
	s.worker.Stop(1, 0, codec.CodeTimeLimit)
	requireValue(t, 5, s.outcome(1))
}

func TestTaskThatPanicsWhenItIsStoppedWasStopped(t *testing.T) {
	t.Parallel()
	f := functions{}
	began := make(chan struct{}, 1)
	handle(f, "panic", func(ctx context.Context, _ int) (int, error) {
		began <- struct{}{}
		<-ctx.Done()
		panic("stopped")
	})
	s := serve(t, f)
	s.give(1, calls("panic", 5)...)
	await(s, began)
	s.worker.Stop(1, 0, codec.CodeTimeLimit)
	requireFailure(t, codec.CodeTimeLimit, s.outcome(1))
}

func TestDeadlineThatHasPassedKeepsATaskFromRunning(t *testing.T) {
	t.Parallel()
	f := functions{}
	square(f)
	s := serve(t, f)
	late, early := call("square", 2), call("square", 3)
	late.Deadline, early.Deadline = time.Now().Add(-time.Second), time.Now().Add(time.Hour)
	s.give(1, late, early, call("square", 4))
	all, _ := s.outcomes(1, 3)
	requireFailure(t, codec.CodeExpired, all[0])
	requireValue(t, 9, all[1])
	requireValue(t, 16, all[2])
}

func TestDeadlineEndsTheContext(t *testing.T) {
	t.Parallel()
	f := functions{}
	newGate(t, f)
	s := serve(t, f)
	task := call("wait", 1)
	task.Deadline = time.Now().Add(20 * time.Millisecond)
	s.give(1, task)
	o := s.outcome(1)
	failure := codec.ReadFailure(o.Body)
	if failure.Code != codec.CodeExpired { // it was in time
		requireFailure(t, codec.CodeError, o)
		require.Equal(t, context.DeadlineExceeded.Error(), failure.Message)
	}
}

func TestHostSaysWhichFuncsItHas(t *testing.T) {
	t.Parallel()
	s := serve(t, functions{}, func(cfg *Config) { cfg.Host = "h1" })
	s.give(1, calls("cube", 1)...)
	require.Contains(t, requireFailure(t, codec.CodeUnknownFunc, s.outcome(1)).Message, "on host h1")
}
