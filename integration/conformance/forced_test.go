package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// forcedWithin is how long a forced stop may take, by D15.
const forcedWithin = 5 * time.Second

// forced are the ways to stop a pool by force.
var forced = map[string]func(testing.TB, *pool.Pool){
	"Kill":                        func(t testing.TB, p *pool.Pool) { require.NoError(t, p.Kill()) },
	"Close with an ended context": func(t testing.TB, p *pool.Pool) { require.ErrorIs(t, p.Close(ended()), context.Canceled) },
}

func init() { roles["leaks its pool"] = leaksItsPool }

func TestForcedShutdown(t *testing.T) {
	// A forced stop with nested children takes less than 5 seconds, pending
	// futures fail as closed, and a new pool works.
	t.Run("D15", func(t *testing.T) {
		for _, stop := range forced {
			s := newScratch(t)
			p := start(t, 2)
			futures := submitErrands(t, p.Client(), 10, errand{Child: s.file("child"), Forever: true, Deaf: true})
			workers, children := p.Supervisor().PIDs(), s.await("child", 2)
			began := time.Now()
			stop(t, p)
			require.Less(t, time.Since(began), forcedWithin)
			requireGone(t, workers...)
			requireGone(t, children...)
			for _, f := range futures {
				require.ErrorIs(t, f.Err(ended()), producer.ErrClosed)
			}
			pidOf(t, submitErrand(t, client(t, 1), errand{}))
		}
	})

	// Close finishes all that was submitted, stop drops it; both can be done to a
	// pool that has stopped; waiting for the end has a deadline; no worker is left.
	// In Go Close waits too, so it cannot be missing before the wait, and its
	// deadline stops the pool; to wait only, Stop the client and Wait.
	t.Run("D16", func(t *testing.T) {
		s := newScratch(t)
		p := start(t, 2)
		futures := submitErrands(t, p.Client(), 6, errand{Started: s.file("started"), Until: s.file("gate")})
		workers := s.await("started", 2)
		p.Client().Stop()
		brief, cancel := context.WithTimeout(context.Background(), 2*look)
		defer cancel()
		done, pending, err := producer.Wait(brief, producer.AllCompleted, futures...)
		require.NoError(t, err)
		require.Empty(t, done)
		require.Equal(t, futures, pending)
		require.ErrorIs(t, brief.Err(), context.DeadlineExceeded)
		s.open("gate")
		require.NoError(t, p.Close(soon(t)))
		for _, f := range futures {
			require.Contains(t, workers, pidOf(t, f))
		}
		requireStopped(t, p, workers)

		for _, stop := range forced {
			p := start(t, 2)
			s := newScratch(t)
			futures := submitErrands(t, p.Client(), 6, errand{Started: s.file("started"), Forever: true})
			workers := s.await("started", 2)
			stop(t, p)
			for _, f := range futures {
				require.ErrorIs(t, f.Err(ended()), producer.ErrClosed)
			}
			requireStopped(t, p, workers)
		}

		p, s = start(t, 1), newScratch(t)
		f := submitErrand(t, p.Client(), errand{Started: s.file("started"), Forever: true})
		workers = s.await("started", 1)
		brief, cancel = context.WithTimeout(context.Background(), 2*look)
		defer cancel()
		require.ErrorIs(t, p.Close(brief), context.DeadlineExceeded)
		require.ErrorIs(t, f.Err(ended()), producer.ErrClosed)
		requireStopped(t, p, workers)
	})

	// With 10 000 endless tasks, terminate returns promptly.
	t.Run("D19", func(t *testing.T) {
		p, s := start(t, 2), newScratch(t)
		futures := submitErrands(t, p.Client(), 10_000, errand{Started: s.file("started"), Forever: true, Deaf: true})
		workers := s.await("started", 2)
		began := time.Now()
		require.NoError(t, p.Kill())
		require.Less(t, time.Since(began), forcedWithin)
		for _, f := range futures {
			require.ErrorIs(t, f.Err(ended()), producer.ErrClosed)
		}
		require.Len(t, s.pids("started"), 2)
		requireStopped(t, p, workers)
	})

	// Using a pool after it was closed, also by a with statement, is an error, and
	// a pool that leaks is reported.
	t.Run("D20", func(t *testing.T) {
		p := start(t, 1)
		func() {
			defer p.Close(soon(t))
			pidOf(t, submitErrand(t, p.Client(), errand{}))
		}()
		_, err := producer.Submit(soon(t), p.Client(), runErrand, errand{})
		require.ErrorIs(t, err, producer.ErrClosed)
		for _, err := range producer.Map(soon(t), p.Client(), runErrand, oneErrand) {
			require.ErrorIs(t, err, producer.ErrClosed)
		}
		require.ErrorIs(t, p.Supervisor().Resize(soon(t), 2), pool.ErrStopped)

		s := newScratch(t)
		stdout, stderr := runProgram(t, "leaks its pool", s.dir)
		require.Equal(t, "closed: nothing to report\nleaked: reported\n", stdout)
		require.Empty(t, stderr)
	})

	// A forced stop of running tasks: they have started and never finish, and
	// Submit is refused. In Go Kill is the one operation, so none is invalid.
	t.Run("D21", func(t *testing.T) {
		for _, stop := range forced {
			p, s := start(t, 2), newScratch(t)
			futures := submitErrands(t, p.Client(), 5, errand{
				Started: s.file("started"), Until: s.file("gate"), Finished: s.file("finished"), Deaf: true,
			})
			workers := s.await("started", 2)
			stop(t, p)
			s.open("gate")
			requireStopped(t, p, workers)
			require.Len(t, s.pids("started"), 2, "what waited must not have started elsewhere")
			require.Empty(t, s.pids("finished"))
			for _, f := range futures {
				require.ErrorIs(t, f.Err(ended()), producer.ErrClosed)
			}
			_, err := producer.Submit(soon(t), p.Client(), runErrand, errand{})
			require.ErrorIs(t, err, producer.ErrClosed)
		}
	})

	// A forced stop of a pool whose workers are dead, or have never started, is a
	// quiet no-op.
	t.Run("D22", func(t *testing.T) {
		p := start(t, 2)
		for _, pid := range p.Supervisor().PIDs() {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		}
		require.NoError(t, p.Kill())
		require.Empty(t, p.Supervisor().PIDs())
		require.NoError(t, p.Kill())

		var log logged
		p = start(t, 2, pool.OnDemand(), log.option())
		require.Empty(t, p.Supervisor().PIDs())
		require.NoError(t, p.Kill())
		require.Empty(t, log.String())

		p = start(t, 1, log.option())
		require.NoError(t, p.Close(soon(t)))
		require.NoError(t, p.Kill())
		require.Empty(t, log.String())
	})
}

// oneErrand is an iter.Seq of one errand.
func oneErrand(yield func(errand) bool) { yield(errand{}) }

// requireStopped fails unless a pool has no worker process left, refuses tasks,
// and can be stopped again in every way.
func requireStopped(t testing.TB, p *pool.Pool, workers []int) {
	t.Helper()
	require.Empty(t, p.Supervisor().PIDs())
	for _, pid := range workers {
		require.False(t, alive(pid), "worker process %d lives", pid)
	}
	require.NoError(t, p.Close(soon(t)))
	require.NoError(t, p.Kill())
	require.Zero(t, p.Client().Pending())
}

// leaksItsPool drops a pool that is closed, and one that is not.
func leaksItsPool() {
	var log logged
	collect := func(closed bool) {
		p, err := pool.Local(context.Background(), pool.Processes(1), log.option())
		must(err)
		if closed {
			must(p.Close(context.Background()))
		}
	}
	collect(true)
	for range 3 {
		runtime.GC()
	}
	if log.String() != "" {
		must(errors.New(log.String()))
	}
	fmt.Println("closed: nothing to report")
	collect(false)
	for log.String() == "" {
		runtime.GC()
	}
	fmt.Println("leaked: reported")
	os.Exit(0)
}
