package conformance

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

const limit = 100 * time.Millisecond

func TestLimits(t *testing.T) {
	t.Parallel()
	// A task that runs into its limit fails with that error, its callback fires,
	// and the next task runs in a new process; also when the pool is stopped
	// meanwhile. In Go a handler that heeds its context keeps its process.
	t.Run("L19", func(t *testing.T) {
		died := make(chan pool.Death, 10)
		p := start(t, 1, deaths(died))
		old := pidOf(t, submitErrand(t, p.Client(), errand{}))
		f := submitErrand(t, p.Client(), errand{Forever: true, Deaf: true}, producer.Limit(limit))
		called := onDone(f)
		err := f.Err(soon(t))
		require.ErrorIs(t, err, codec.ErrTimeLimit)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		requireRemote(t, err, old)
		require.ErrorIs(t, next(t, called), codec.ErrTimeLimit)
		require.NotEqual(t, old, pidOf(t, submitErrand(t, p.Client(), errand{}, producer.Limit(patience))))
		require.Equal(t, old, next(t, died).PID)

		old = p.Supervisor().PIDs()[0]
		f = submitErrand(t, p.Client(), errand{Forever: true}, producer.Limit(limit))
		require.ErrorIs(t, f.Err(soon(t)), codec.ErrTimeLimit)
		require.Equal(t, old, pidOf(t, submitErrand(t, p.Client(), errand{})))

		// The clock starts with the task, not in the queue.
		s := newScratch(t)
		first := submitErrand(t, p.Client(), errand{Forever: true}, producer.Limit(2*limit))
		second := submitErrand(t, p.Client(), errand{Started: s.file("started")}, producer.Limit(limit))
		require.ErrorIs(t, first.Err(soon(t)), codec.ErrTimeLimit)
		pidOf(t, second)

		f = submitErrand(t, p.Client(), errand{Started: s.file("limited"), Forever: true, Deaf: true}, producer.Limit(limit))
		called = onDone(f)
		s.await("limited", 1)
		require.NoError(t, p.Close(soon(t)))
		require.ErrorIs(t, next(t, called), codec.ErrTimeLimit)

		p, s = start(t, 1), newScratch(t)
		f = submitErrand(t, p.Client(), errand{Started: s.file("limited"), Forever: true, Deaf: true}, producer.Limit(limit))
		s.await("limited", 1)
		require.NoError(t, p.Kill())
		if err := f.Err(ended()); !errors.Is(err, codec.ErrTimeLimit) {
			require.ErrorIs(t, err, producer.ErrClosed)
		}
	})

	// Cancelling a running task reports true, its future is cancelled and the
	// callback fires, and the next task runs in a new process; also when the pool
	// is stopped after. In Go that is Kill, since Cancel leaves running tasks
	// alone, and a handler that heeds its context keeps its process.
	t.Run("L20", func(t *testing.T) {
		died := make(chan pool.Death, 10)
		p, s := start(t, 1, deaths(died)), newScratch(t)
		f := submitErrand(t, p.Client(), errand{Started: s.file("deaf"), Forever: true, Deaf: true})
		called := onDone(f)
		old := s.await("deaf", 1)[0]
		eventually(t, func() bool { return f.State() == producer.Running }, "the task to be known to run")
		require.False(t, cancels(t, f.Cancel))
		require.True(t, cancels(t, f.Kill))
		require.ErrorIs(t, next(t, called), codec.ErrCancelled)
		require.ErrorIs(t, f.Err(ended()), codec.ErrCancelled)
		require.Equal(t, producer.Cancelled, f.State())
		require.True(t, cancels(t, f.Kill), "it is cancelled already")
		require.NotEqual(t, old, pidOf(t, submitErrand(t, p.Client(), errand{})))
		require.Equal(t, old, next(t, died).PID)
		requireGone(t, old)

		f = submitErrand(t, p.Client(), errand{Started: s.file("heeding"), Forever: true})
		old = s.await("heeding", 1)[0]
		require.True(t, cancels(t, f.Kill))
		require.ErrorIs(t, f.Err(ended()), codec.ErrCancelled)
		require.Equal(t, old, pidOf(t, submitErrand(t, p.Client(), errand{})))

		done := submitErrand(t, p.Client(), errand{})
		pidOf(t, done)
		require.False(t, cancels(t, done.Kill))

		f = submitErrand(t, p.Client(), errand{Started: s.file("last"), Forever: true, Deaf: true})
		old = s.await("last", 1)[0]
		require.True(t, cancels(t, f.Kill))
		require.NoError(t, p.Kill())
		require.ErrorIs(t, f.Err(ended()), codec.ErrCancelled)
		require.False(t, alive(old))
	})

	// A handler that ignores SIGTERM is killed, and its future fails in time.
	t.Run("L21", func(t *testing.T) {
		died := make(chan pool.Death, 10)
		p := start(t, 1, deaths(died))
		stubborn := errand{Forever: true, Deaf: true, Stubborn: true}
		f := submitErrand(t, p.Client(), stubborn, producer.Limit(limit))
		require.ErrorIs(t, f.Err(soon(t)), codec.ErrTimeLimit)
		require.Equal(t, "SIGKILL", next(t, died).Signal)

		s := newScratch(t)
		stubborn.Started = s.file("started")
		f = submitErrand(t, p.Client(), stubborn)
		old := s.await("started", 1)[0]
		require.True(t, cancels(t, f.Kill))
		require.Equal(t, "SIGKILL", next(t, died).Signal)
		require.NotEqual(t, old, pidOf(t, submitErrand(t, p.Client(), errand{})))
	})

	// A task may start processes, and pools, and these end with it when it is
	// killed.
	t.Run("L23", func(t *testing.T) {
		p, s := start(t, 1), newScratch(t)
		f := submitErrand(t, p.Client(), errand{Child: s.file("child"), Forever: true, Deaf: true}, producer.Limit(limit))
		require.ErrorIs(t, f.Err(soon(t)), codec.ErrTimeLimit)
		requireGone(t, s.await("child", 1)...)

		f = submitErrand(t, p.Client(), errand{Child: s.file("killed"), Forever: true, Deaf: true})
		children := s.await("killed", 1)
		require.True(t, cancels(t, f.Kill))
		requireGone(t, children...)

		inside, err := producer.Submit(soon(t), p.Client(), poolInside, 1)
		require.NoError(t, err)
		pid, err := inside.Result(soon(t))
		require.NoError(t, err)
		require.NotContains(t, p.Supervisor().PIDs(), pid)
		requireGone(t, pid)

		f, err = producer.Submit(soon(t), p.Client(), fleetInside, s.file("fleet"))
		require.NoError(t, err)
		fleet := s.await("fleet", 3)
		require.True(t, cancels(t, f.Kill))
		requireGone(t, fleet...)
	})
}

// onDone passes on what a future comes to.
func onDone(f *producer.Future[int]) <-chan error {
	called := make(chan error, 1)
	f.OnDone(func(f *producer.Future[int]) { called <- f.Err(context.Background()) })
	return called
}

// requireRemote fails unless an error names the process that it comes from.
func requireRemote(t testing.TB, err error, pid int) {
	t.Helper()
	var remote *codec.RemoteError
	require.ErrorAs(t, err, &remote)
	require.Equal(t, pid, remote.PID)
}
