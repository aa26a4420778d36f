package fleet_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/producer"
)

func TestOutcomeKept(t *testing.T) {
	s := newScene(t)
	c := s.client()
	s.host(1)
	future := submit(s, c, double, 21, producer.Retain(time.Hour))
	require.NoError(t, future.Err(s.ctx))
	kept, err := s.fleet.Outcome(s.ctx, future.ID().String())
	require.NoError(t, err)
	require.Nil(t, kept.Cause)
	n, err := codec.Value[int](kept.Value)
	require.NoError(t, err)
	require.Equal(t, 42, n)
	require.WithinDuration(t, time.Now(), kept.At, patience)

	died := submit(s, c, poison, "/nosuch", producer.Retain(time.Hour), producer.Crashes(1))
	require.ErrorIs(t, died.Err(s.ctx), codec.ErrWorkerDied)
	kept, err = s.fleet.Outcome(s.ctx, died.ID().String())
	require.NoError(t, err)
	require.Equal(t, codec.CodeWorkerDied, kept.Cause.Code)
	require.Equal(t, "SIGKILL", kept.Cause.Signal)

	plain := submit(s, c, double, 1)
	require.NoError(t, plain.Err(s.ctx))
	_, err = s.fleet.Outcome(s.ctx, plain.ID().String())
	require.ErrorIs(t, err, fleet.ErrNoOutcome)
	_, err = s.fleet.Outcome(s.ctx, "no id")
	require.ErrorIs(t, err, codec.ErrMalformed)
}

func TestScheduled(t *testing.T) {
	s := newScene(t)
	c := s.client()
	later := submit(s, c, double, 1, producer.Delay(time.Hour))
	require.Eventually(t, func() bool {
		waits, err := s.fleet.Scheduled(s.ctx, later.ID().String())
		require.NoError(t, err)
		return waits
	}, patience, 10*time.Millisecond)
	waits, err := s.fleet.Scheduled(s.ctx, "k3xf9mq2l7zt4b6c-42")
	require.NoError(t, err)
	require.False(t, waits)
	_, err = s.fleet.Scheduled(s.ctx, "no id")
	require.ErrorIs(t, err, codec.ErrMalformed)
}
