package fleet_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/pool"
)

// hostNamed starts a host with a name and one process.
func (s *scene) hostNamed(name string) *pool.Supervisor {
	s.t.Helper()
	h, err := pool.Start(s.ctx, pool.Config{
		URL: s.url, Host: name, Processes: 1, Logger: s.logger, Stdout: s.t.Output(), Stderr: s.t.Output(),
	})
	require.NoError(s.t, err)
	s.t.Cleanup(h.Kill)
	return h
}

func TestControl(t *testing.T) {
	s := newScene(t)
	for _, nobody := range []string{"nobody", "aaaaaaaa", "", "*", "a b", ">"} {
		_, err := s.fleet.Host(s.ctx, nobody)
		require.ErrorIs(t, err, fleet.ErrNoHost, nobody)
	}
	one, twin, other := s.hostNamed("twin"), s.hostNamed("twin"), s.hostNamed("other")
	_, err := s.fleet.Host(s.ctx, "twin")
	require.ErrorIs(t, err, fleet.ErrHostName)
	require.ErrorContains(t, err, one.Status().ID)
	require.ErrorContains(t, err, twin.Status().ID)

	status, err := s.fleet.Host(s.ctx, one.Status().ID)
	require.NoError(t, err)
	require.Equal(t, one.Status().ID, status.ID)
	require.Equal(t, one.PIDs()[0], status.Processes[0].PID)

	require.NoError(t, s.fleet.ResizeHost(s.ctx, "other", 2))
	require.Equal(t, 2, other.Status().Want)
	for _, n := range []int{0, -1, 1 << 20} {
		require.ErrorIs(t, s.fleet.ResizeHost(s.ctx, "other", n), fleet.ErrRefused)
	}

	pid := one.PIDs()[0]
	require.ErrorIs(t, s.fleet.KillProcess(s.ctx, "other", pid), fleet.ErrRefused, "of another host")
	require.ErrorIs(t, s.fleet.KillProcess(s.ctx, "other", 0), fleet.ErrRefused)
	require.NoError(t, s.fleet.KillProcess(s.ctx, one.Status().ID, pid))
	require.Eventually(t, func() bool { return one.Status().Deaths[codec.CauseSignal] == 1 }, patience, 10*time.Millisecond)
	require.Equal(t, "killed by signal SIGKILL, sent by an operator", one.Status().Latest[0].Text)

	require.NoError(t, s.fleet.DrainHost(s.ctx, one.Status().ID))
	<-one.Stopped()
	_, err = s.fleet.Host(s.ctx, one.Status().ID)
	require.ErrorIs(t, err, fleet.ErrNoHost)
	_, err = s.fleet.Host(s.ctx, "twin")
	require.NoError(t, err)
}
