package fleet_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/producer"
)

func TestSchedules(t *testing.T) {
	s := newScene(t)
	none, err := s.fleet.Schedules(s.ctx)
	require.NoError(t, err)
	require.NotNil(t, none, "[] in JSON")
	require.Empty(t, none)

	c := s.client()
	require.NoError(t, producer.Schedule(s.ctx, c, "nightly", "30 2 * * *", double, 1, producer.TimeZone("Europe/Berlin"), producer.Priority(producer.Low)))
	require.NoError(t, producer.Schedule(s.ctx, c, "hourly", "@hourly", double, 2))
	_, err = producer.Submit(s.ctx, c, double, 3, producer.Delay(time.Hour)) // is none
	require.NoError(t, err)
	require.NoError(t, c.Flush(s.ctx))

	all, err := s.fleet.Schedules(s.ctx)
	require.NoError(t, err)
	arg := func(n int) []byte {
		encoded, err := codec.AppendValue(nil, n)
		require.NoError(t, err)
		return encoded
	}
	require.Equal(t, []fleet.Schedule{
		{Name: "hourly", Cron: "@hourly", Queue: "default", Lane: "normal", Func: "double", Arg: arg(2)},
		{Name: "nightly", Cron: "0 30 2 * * *", Zone: "Europe/Berlin", Queue: "default", Lane: "low", Func: "double", Arg: arg(1)},
	}, all)
}
