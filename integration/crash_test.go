package integration

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

func TestKilledTaskRunsAgain(t *testing.T) {
	s := newStage(t)
	deaths := make(chan pool.Death, 1)
	p := s.local(1, pool.WithListener(pool.Listener{Died: func(d pool.Death) {
		if !d.Expected {
			deaths <- d
		}
	}}))
	g := newGate(t)
	f := submitVisit(s, p.Client(), g, "victim")

	first := g.next(t, s.ctx)
	require.Equal(t, 1, first.Attempt)
	killed := time.Now()
	require.NoError(t, syscall.Kill(first.PID, syscall.SIGKILL))
	second := g.next(t, s.ctx)
	require.Less(t, time.Since(killed), promptly)
	require.NotEqual(t, first.PID, second.PID)
	second.letGo()

	result, err := f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, seen{PID: second.PID, Attempt: 2}, result)
	death := <-deaths
	require.Equal(t, first.PID, death.PID)
	require.Equal(t, "SIGKILL", death.Signal)
	require.True(t, death.Running)
}

func TestCauseOfDeathIsInTheError(t *testing.T) {
	s := newStage(t)
	c := s.local(2).Client()
	host, err := os.Hostname()
	require.NoError(t, err)
	for _, test := range []struct {
		manner, signal string
		code           int
		stderr         string
	}{
		{manner: "SIGKILL", signal: "SIGKILL", code: -1},
		{manner: "SIGSEGV", signal: "SIGSEGV", code: -1},
		{manner: "exit 0"},
		{manner: "exit 3", code: 3},
		{manner: "panic", code: 2, stderr: "panic: in another goroutine"},
	} {
		t.Run(test.manner, func(t *testing.T) {
			f, err := producer.Submit(s.ctx, c, die, dying{test.manner, 1}, producer.Crashes(1))
			require.NoError(t, err)
			err = f.Err(s.ctx)
			require.ErrorIs(t, err, codec.ErrWorkerDied)
			var died *codec.WorkerDiedError
			require.ErrorAs(t, err, &died)
			require.Equal(t, f.ID(), died.Task)
			require.Equal(t, host, died.Host)
			require.Positive(t, died.PID)
			require.Equal(t, 1, died.Attempt)
			require.Equal(t, test.signal, died.Signal)
			require.Equal(t, test.code, died.ExitCode)
			require.Contains(t, died.Stderr, "dying by "+test.manner)
			require.Contains(t, died.Stderr, test.stderr)
		})
	}
}

func TestThirdDeathIsFinal(t *testing.T) {
	s := newStage(t)
	c := s.local(1).Client()
	twice, err := producer.Submit(s.ctx, c, die, dying{"SIGKILL", 2})
	require.NoError(t, err)
	result, err := twice.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 3, result.Attempt)

	always, err := producer.Submit(s.ctx, c, die, dying{"SIGKILL", 100})
	require.NoError(t, err)
	var died *codec.WorkerDiedError
	require.ErrorAs(t, always.Err(s.ctx), &died)
	require.Equal(t, 3, died.Attempt)
}

// The tasks share one message, so one process holds them all when it dies.
func TestDeathIsChargedToTheRunningTaskAlone(t *testing.T) {
	s := newStage(t)
	c := s.local(2).Client()
	tasks := make([]dying, 20)
	tasks[5] = dying{"SIGKILL", 1}
	tasks[6] = dying{"exit 0", 1}
	tasks[19] = dying{"SIGKILL", 2}
	i := 0
	for result, err := range producer.Map(s.ctx, c, die, slices.Values(tasks), producer.Chunk(len(tasks))) {
		require.NoError(t, err)
		require.Equal(t, 1+tasks[i].Times, result.Attempt, "task %d", i)
		i++
	}
	require.Equal(t, len(tasks), i)
}

func TestPoisonAmongGoodTasks(t *testing.T) {
	s := newStage(t)
	c := s.local(2).Client()
	const total, poison = 1000, 500
	var futures []*producer.Future[seen]
	for i := range total {
		task := dying{}
		if i == poison {
			task = dying{"SIGKILL", 100}
		}
		f, err := producer.Submit(s.ctx, c, die, task)
		require.NoError(t, err)
		futures = append(futures, f)
	}
	for i, f := range futures {
		result, err := f.Result(s.ctx)
		if i == poison {
			require.ErrorIs(t, err, codec.ErrWorkerDied)
			continue
		}
		require.NoError(t, err, fmt.Sprint("task ", i))
		require.Equal(t, 1, result.Attempt, "task %d", i)
	}
	require.Zero(t, c.Pending())
}
