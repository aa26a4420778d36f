package conformance

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// died returns the failure as one of a worker that died.
func died(t testing.TB, err error) *codec.WorkerDiedError {
	t.Helper()
	require.ErrorIs(t, err, codec.ErrWorkerDied)
	var e *codec.WorkerDiedError
	require.ErrorAs(t, err, &e)
	require.Equal(t, 1, e.Attempt)
	require.NotEmpty(t, e.Host)
	require.Contains(t, err.Error(), fmt.Sprint("worker process ", e.PID, " "))
	return e
}

// once has a task not run again after a crash, as in a process pool of Python's.
var once = producer.Crashes(1)

func TestDeath(t *testing.T) {
	p := start(t, 1)
	c := p.Client()

	// A worker killed while it runs a task is that task's error. In Muster it is
	// so only once the task has used up its attempts, other tasks do not notice,
	// and the pool goes on.
	t.Run("K1", func(t *testing.T) {
		s := newScratch(t)
		f := submitErrand(t, c, errand{Started: s.file("once"), Forever: true}, once)
		waiting := submitErrand(t, c, errand{})
		pid := s.await("once", 1)[0]
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		e := died(t, f.Err(soon(t)))
		require.Equal(t, pid, e.PID)
		require.Equal(t, "SIGKILL", e.Signal)
		require.Equal(t, -1, e.ExitCode)
		second := pidOf(t, waiting)
		require.NotEqual(t, pid, second)
		require.Equal(t, second, pidOf(t, submitErrand(t, c, errand{})))

		f = submitErrand(t, c, errand{Started: s.file("again"), Until: s.file("go")})
		require.Equal(t, []int{second}, s.await("again", 1))
		require.NoError(t, syscall.Kill(second, syscall.SIGKILL))
		pids := s.await("again", 2)
		s.open("go")
		require.NotEqual(t, pids[0], pids[1])
		require.Equal(t, pids[1], pidOf(t, f))
		require.Len(t, s.pids("again"), 2)
	})

	// Tasks that workers took along have an error each, none another's.
	t.Run("K2", func(t *testing.T) {
		s := newScratch(t)
		c := client(t, 3)
		victims := submitErrands(t, c, 3, errand{Started: s.file("started"), Forever: true}, once)
		pids := s.await("started", 3)
		for _, pid := range pids {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		}
		var errs []*codec.WorkerDiedError
		var died3 []int
		for _, f := range victims {
			e := died(t, f.Err(soon(t)))
			require.Equal(t, f.ID(), e.Task)
			for _, other := range errs {
				require.NotSame(t, other, e)
			}
			errs, died3 = append(errs, e), append(died3, e.PID)
		}
		require.ElementsMatch(t, pids, died3)
	})

	// The error of a task whose worker ended tells the exit code.
	t.Run("K3", func(t *testing.T) {
		for _, code := range []int{99, 42} {
			err := failing(t, c, runHarm, fmt.Sprint("exit ", code), once)
			e := died(t, err)
			require.Equal(t, code, e.ExitCode)
			require.Empty(t, e.Signal)
			require.ErrorContains(t, err, fmt.Sprint("exit status ", code))
			require.NotEqual(t, e.PID, call(t, c, runHarm, ""))
		}
	})

	// It tells the worker's process id too.
	t.Run("K4", func(t *testing.T) {
		pid := call(t, c, runHarm, "")
		e := died(t, failing(t, c, runHarm, "exit 1", once))
		require.Equal(t, 1, e.ExitCode)
		require.Equal(t, pid, e.PID)
		require.NotEqual(t, pid, call(t, c, runHarm, ""))
	})

	// A crash in the task's code is the death of its worker; an error is the
	// task's own. In Go there are three kinds of SIGSEGV: of a nil pointer, which
	// panics; of a bad address, for which the runtime ends the process with exit status
	// 2 and its stacks on stderr; and of foreign code, which is a signal.
	t.Run("K8", func(t *testing.T) {
		e := died(t, failing(t, c, runHarm, "bad address", once))
		require.Equal(t, 2, e.ExitCode)
		require.Contains(t, e.Stderr, "goroutine ")
		pid := call(t, c, runHarm, "")
		require.NotEqual(t, e.PID, pid)

		err := failing(t, c, runHarm, "nil pointer")
		require.ErrorIs(t, err, codec.ErrPanic)
		require.Equal(t, pid, remote(t, err).PID)
		require.ErrorContains(t, err, "nil pointer")

		err = failing(t, c, runHarm, "error")
		require.EqualError(t, err, errHarm.Error())
		require.Equal(t, pid, remote(t, err).PID)

		e = died(t, failing(t, c, runHarm, "SIGSEGV", once))
		require.Equal(t, "SIGSEGV", e.Signal)
		require.Equal(t, pid, e.PID)
		require.NotEqual(t, pid, call(t, c, runHarm, ""))
	})

	// A task that ends its own thread of control fails, and its worker lives; one
	// that ends the process takes the worker along.
	t.Run("K9", func(t *testing.T) {
		pid := call(t, c, runHarm, "")
		for how, sentinel := range map[string]error{"panic": codec.ErrPanic, "goexit": codec.ErrGoexit} {
			err := failing(t, c, runHarm, how)
			require.ErrorIs(t, err, sentinel)
			require.Equal(t, pid, remote(t, err).PID)
			require.Equal(t, pid, call(t, c, runHarm, ""))
		}
		e := died(t, failing(t, c, runHarm, "exit 1", once))
		require.Equal(t, 1, e.ExitCode)
		require.Equal(t, pid, e.PID)
		require.NotEqual(t, pid, call(t, c, runHarm, ""))
	})
}
