package integration

import (
	"fmt"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// heldBack is what the log says when processes are not started at once.
const heldBack = "worker processes die soon after their start; waiting before the next"

// A death is a reason to wait before the next process only if nobody knows why it
// died: innocent tasks would wait, too.
func TestExplainedDeathsHoldNobodyUp(t *testing.T) {
	const times = 4 // in a row; more than are forgiven
	crash := func(manner string) func(s *stage, p *pool.Pool) {
		return func(s *stage, p *pool.Pool) {
			f, err := producer.Submit(s.ctx, p.Client(), die, dying{manner, times}, producer.Crashes(times))
			require.NoError(s.t, err)
			require.ErrorIs(s.t, f.Err(s.ctx), codec.ErrWorkerDied)
		}
	}
	again := func(once func(s *stage, p *pool.Pool)) func(s *stage, p *pool.Pool) {
		return func(s *stage, p *pool.Pool) {
			for range times {
				once(s, p)
			}
		}
	}
	for name, deaths := range map[string]func(s *stage, p *pool.Pool){
		"exit 0":        crash("exit 0"),
		"exit 3":        crash("exit 3"),
		"panic":         crash("panic"),
		"SIGKILL":       crash("SIGKILL"),
		"SIGSEGV":       crash("SIGSEGV"),
		"out of memory": crash("out of memory"),
		"memory limit": func(s *stage, p *pool.Pool) {
			f, err := producer.Submit(s.ctx, p.Client(), hog, hogging{Times: times}, producer.Crashes(times))
			require.NoError(s.t, err)
			require.ErrorIs(s.t, f.Err(s.ctx), codec.ErrWorkerDied)
		},
		"time limit": again(func(s *stage, p *pool.Pool) {
			f, err := producer.Submit(s.ctx, p.Client(), nap, time.Hour, producer.Limit(50*time.Millisecond))
			require.NoError(s.t, err)
			require.ErrorIs(s.t, f.Err(s.ctx), codec.ErrTimeLimit)
		}),
		"cancelled": again(func(s *stage, p *pool.Pool) {
			g := newGate(s.t)
			f := submitVisit(s, p.Client(), g, "stopped")
			g.next(s.t, s.ctx)
			killed, err := f.Kill(s.ctx)
			require.NoError(s.t, err)
			require.True(s.t, killed)
			require.ErrorIs(s.t, f.Err(s.ctx), codec.ErrCancelled)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			log := &records{}
			p := s.local(1, pool.WithLogger(slog.New(slog.NewJSONHandler(log, nil))), pool.MemoryLimit(memoryLimit))
			deaths(s, p)
			awaitDeaths(s, p.Supervisor(), times)
			requireDoubled(s, submitDoubles(s, p.Client(), 1))
			require.Empty(t, log.of(t, heldBack))
		})
	}
	t.Run("by an operator", func(t *testing.T) {
		s := newStage(t)
		log := &records{}
		path := socketPath(t)
		h, err := pool.Start(s.ctx, pool.Config{
			URL: s.broker(), Processes: 1, ControlSocket: path, Logger: slog.New(slog.NewJSONHandler(log, nil)),
		})
		require.NoError(t, err)
		t.Cleanup(h.Kill)
		pid := 0
		for range times {
			pid = awaitIdle(s, h, pid)
			require.Empty(t, ask(t, path, fmt.Sprintf(`{"verb":"kill","pid":%d}`, pid)).Error)
		}
		awaitIdle(s, h, pid)
		require.Empty(t, log.of(t, heldBack))
	})
}

// Where nobody knows why, processes are not started without end.
func TestUnexplainedDeathsAreHeldBack(t *testing.T) {
	s := newStage(t)
	log := &records{}
	h := s.local(1, pool.WithLogger(slog.New(slog.NewJSONHandler(log, nil)))).Supervisor()
	pid := 0
	for range 3 {
		pid = awaitIdle(s, h, pid)
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	}
	require.Eventually(t, func() bool { return len(log.of(t, heldBack)) > 0 }, patience, time.Millisecond)
}

// awaitIdle waits until the host's only place has another process than before, with
// nothing to do, and returns its id.
func awaitIdle(s *stage, h *pool.Supervisor, before int) (pid int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		p := h.Status().Processes[0]
		pid = p.PID
		return p.State == codec.ProcessIdle && pid != before
	}, patience, time.Millisecond)
	return pid
}

// Ten tasks that kill their processes on receipt, as often as they may.
func TestAFloodOfCrashesEndsByItsBudgets(t *testing.T) {
	s := newStage(t)
	log := &records{}
	p := s.local(2, pool.WithLogger(slog.New(slog.NewJSONHandler(log, nil))))
	var futures []*producer.Future[seen]
	for range 10 {
		f, err := producer.Submit(s.ctx, p.Client(), die, dying{"exit 3", 1000})
		require.NoError(t, err)
		futures = append(futures, f)
	}
	for _, f := range futures {
		require.ErrorIs(t, f.Err(s.ctx), codec.ErrWorkerDied)
	}
	require.EqualValues(t, 30, died(awaitDeaths(s, p.Supervisor(), 30)))
	require.Empty(t, log.of(t, heldBack))
}

// What the supervisor has ended is told as that, in one line, and not as a crash with
// the stacks that Go prints for SIGQUIT.
func TestAProcessThatWasStoppedIsNoCrash(t *testing.T) {
	s := newStage(t)
	log, printed := &records{}, &records{}
	deaths := make(chan pool.Death, 10)
	p := s.local(1, pool.WithLogger(slog.New(slog.NewJSONHandler(log, nil))), pool.WithOutput(printed, printed),
		pool.WithListener(pool.Listener{Died: func(d pool.Death) { deaths <- d }}))
	for i, c := range []struct {
		stop  func() error
		cause codec.Cause
		err   error
		text  string
	}{
		{func() error {
			f, err := producer.Submit(s.ctx, p.Client(), nap, time.Hour, producer.Limit(50*time.Millisecond))
			require.NoError(t, err)
			return f.Err(s.ctx)
		}, codec.CauseTimeLimit, codec.ErrTimeLimit, "killed by signal SIGQUIT, since the task ran longer than 50ms"},
		{func() error {
			g := newGate(t)
			f := submitVisit(s, p.Client(), g, "stopped")
			g.next(t, s.ctx)
			if _, err := f.Kill(s.ctx); err != nil {
				return err
			}
			return f.Err(s.ctx)
		}, codec.CauseCancelled, codec.ErrCancelled, "killed by signal SIGQUIT, since its task was cancelled while it ran"},
	} {
		require.ErrorIs(t, c.stop(), c.err)
		status := awaitDeaths(s, p.Supervisor(), uint64(i+1))
		latest := status.Latest[len(status.Latest)-1]
		require.Equal(t, c.cause, latest.Cause)
		require.Equal(t, c.text, latest.Text)
		death := <-deaths
		require.Equal(t, c.text, death.Cause)
		require.Contains(t, death.Stderr, "SIGQUIT: quit", "where it stood is kept")
		require.Len(t, log.of(t, "a worker process was killed"), i+1)
		require.Equal(t, c.text, log.of(t, "a worker process was killed")[i]["cause"])
	}
	require.Empty(t, log.of(t, "a worker process died"))
	require.Empty(t, printed.String())
}
