package integration

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

func TestCauseCancelled(t *testing.T) {
	s := newStage(t)
	p := s.local(1)
	h := p.Supervisor()
	g := newGate(t)
	f := submitVisit(s, p.Client(), g, "stopped")
	g.next(t, s.ctx)
	cancels(t, f.Kill)
	require.ErrorIs(t, f.Err(s.ctx), codec.ErrCancelled)
	status := awaitDeaths(s, h, 1)
	require.Equal(t, codec.CauseCancelled, status.Latest[0].Cause)
	require.EqualValues(t, 1, status.Counts["attend"].Failed[codec.CodeCancelled])

	for range 10 {
		require.NoError(t, h.Resize(s.ctx, 3))
		require.NoError(t, h.Resize(s.ctx, 1))
		require.Len(t, h.Status().Processes, 1, "who has left is not shown")
	}
	require.EqualValues(t, 1, died(h.Status()), "to leave is no death")
}

func TestCauseFrozen(t *testing.T) {
	s := newStage(t)
	h := s.local(1).Supervisor()
	require.NoError(t, syscall.Kill(h.PIDs()[0], syscall.SIGSTOP))
	require.Equal(t, codec.CauseFrozen, awaitDeaths(s, h, 1).Latest[0].Cause)
}

func TestCauseOutOfMemory(t *testing.T) {
	s := newStage(t)
	p := s.local(1)
	f, err := producer.Submit(s.ctx, p.Client(), die, dying{"out of memory", 1}, producer.Crashes(1))
	require.NoError(t, err)
	require.ErrorIs(t, f.Err(s.ctx), codec.ErrWorkerDied)
	status := awaitDeaths(s, p.Supervisor(), 1)
	require.Equal(t, map[codec.Cause]uint64{codec.CauseOutOfMemory: 1}, status.Deaths)
	require.Equal(t, codec.CauseOutOfMemory, status.Latest[0].Cause)
	require.Equal(t, "die", status.Latest[0].Func)
}

func TestCauseUnready(t *testing.T) {
	s := newStage(t)
	needed := filepath.Join(s.tmp, "needed")
	require.NoError(t, os.WriteFile(needed, nil, 0o600))
	cfg, err := pool.Config{
		URL: s.broker(), Processes: 1, Logger: s.logger, Stdout: t.Output(), Stderr: t.Output(),
	}.With(pool.Initializer(need, needed))
	require.NoError(t, err)
	h, err := pool.Start(s.ctx, cfg)
	require.NoError(t, err)
	defer h.Kill()
	require.NoError(t, os.Remove(needed))
	require.NoError(t, syscall.Kill(h.PIDs()[0], syscall.SIGKILL))
	status := awaitDeaths(s, h, 6)
	require.EqualValues(t, 1, status.Deaths[codec.CauseSignal])
	require.GreaterOrEqual(t, status.Deaths[codec.CauseUnready], uint64(5))
	require.Equal(t, codec.HostUnhealthy, status.State)
	require.Contains(t, status.Latest[len(status.Latest)-1].Text, "exit status")

	require.NoError(t, os.WriteFile(needed, nil, 0o600))
	require.Eventually(t, func() bool {
		status = h.Status()
		return status.Processes[0].State == codec.ProcessIdle
	}, patience, 10*time.Millisecond)
	require.Equal(t, codec.HostServing, status.State)
	require.Equal(t, codec.CauseUnready, status.Processes[0].Died.Cause)
}

// awaitHandedOff waits until every outcome is known to have arrived. A task whose
// outcome is not runs again if its process dies, which no death is charged for.
func awaitHandedOff(s *stage, h *pool.Supervisor) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		return !slices.ContainsFunc(h.Status().Processes, func(p codec.ProcessStatus) bool { return p.Held > 0 })
	}, patience, time.Millisecond)
}

// awaitDeaths waits until so many processes have died.
func awaitDeaths(s *stage, h *pool.Supervisor, n uint64) (status codec.HostStatus) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		status = h.Status()
		return died(status) >= n
	}, patience, time.Millisecond)
	return status
}

func died(status codec.HostStatus) (n uint64) {
	for _, deaths := range status.Deaths {
		n += deaths
	}
	return n
}
