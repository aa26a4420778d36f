package fleet_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/producer"
)

func TestPauseAndResume(t *testing.T) {
	s := newScene(t)
	c := s.client()
	require.NoError(t, s.fleet.Pause(s.ctx, producer.DefaultQueue))
	require.NoError(t, s.fleet.Pause(s.ctx, producer.DefaultQueue))
	s.host(2)
	var futures []*producer.Future[int]
	for n := range 100 {
		futures = append(futures, submit(s, c, double, n))
	}
	require.NoError(t, c.Flush(s.ctx))
	var q fleet.Queue
	// The broker counts a moment after it has confirmed that it stores.
	require.Eventually(t, func() bool { q = s.queue(); return q.Waiting > 0 }, 10*time.Second, time.Millisecond)
	require.True(t, q.Paused)
	require.Zero(t, q.InFlight)
	require.NotZero(t, q.Oldest)
	require.Equal(t, 100, c.Pending())

	for range 2 {
		require.NoError(t, s.fleet.Resume(s.ctx, producer.DefaultQueue))
	}
	for n, future := range futures {
		got, err := future.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, 2*n, got)
	}
	require.False(t, s.queue().Paused)
}

func TestQueues(t *testing.T) {
	s := newScene(t)
	none, err := s.fleet.Queues(s.ctx)
	require.NoError(t, err)
	require.NotNil(t, none, "[] in JSON")
	require.Empty(t, none)
	s.client()
	queues, err := s.fleet.Queues(s.ctx)
	require.NoError(t, err)
	require.Equal(t, []fleet.Queue{s.queue()}, queues)
	text, err := json.Marshal(queues[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"name": "default", "paused": false, "waiting": 0, "in_flight": 0, "scheduled": 0, "dead": 0, "bytes": 0, "lanes": [
		{"name": "high", "paused": false, "waiting": 0, "in_flight": 0, "redelivered": 0},
		{"name": "normal", "paused": false, "waiting": 0, "in_flight": 0, "redelivered": 0},
		{"name": "low", "paused": false, "waiting": 0, "in_flight": 0, "redelivered": 0}]}`, string(text))
}

func TestNoSuchQueue(t *testing.T) {
	s := newScene(t)
	for name, want := range map[string]error{"none": fleet.ErrNoQueue, "a.b": fleet.ErrQueueName, "": fleet.ErrQueueName} {
		_, err := s.fleet.Queue(s.ctx, name)
		require.ErrorIs(t, err, want)
		require.ErrorIs(t, s.fleet.Pause(s.ctx, name), want)
		require.ErrorIs(t, s.fleet.Resume(s.ctx, name), want)
		_, err = s.fleet.Purge(s.ctx, name)
		require.ErrorIs(t, err, want)
	}
}

func TestPurgeWhatWaits(t *testing.T) {
	s := newScene(t)
	c := s.client()
	require.NoError(t, s.fleet.Pause(s.ctx, producer.DefaultQueue))
	var futures []*producer.Future[int]
	for n := range 1000 {
		futures = append(futures, submit(s, c, double, n))
	}
	options := [][]producer.CallOption{
		{producer.Priority(producer.High)},
		{producer.Priority(producer.Low), producer.Retain(time.Hour)},
		{producer.Key("the only one")},
		{producer.Delay(time.Hour)},
		{producer.Delay(time.Hour), producer.Retain(time.Hour)},
	}
	for n, options := range options {
		futures = append(futures, submit(s, c, double, n, options...))
	}
	require.NoError(t, c.Flush(s.ctx))
	require.Equal(t, 2, s.queue().Scheduled)

	n, err := s.fleet.Purge(s.ctx, producer.DefaultQueue)
	require.NoError(t, err)
	require.Equal(t, len(futures), n)
	for _, future := range futures {
		err := future.Err(s.ctx)
		require.ErrorIs(t, err, codec.ErrCancelled)
		require.ErrorContains(t, err, "purged from queue default by an operator")
	}
	q := s.queue()
	require.Zero(t, q.Waiting)
	require.Zero(t, q.Scheduled)
	require.Zero(t, q.Bytes, "the key is left")

	// The outcome of a durable task is there for whoever asks.
	attached, err := producer.Attach(s.ctx, s.client(), double, futures[1001].ID())
	require.NoError(t, err)
	require.ErrorIs(t, attached.Err(s.ctx), codec.ErrCancelled)

	// What comes later runs, also with the same key.
	require.NoError(t, s.fleet.Resume(s.ctx, producer.DefaultQueue))
	s.host(1)
	got, err := submit(s, c, double, 21, producer.Key("the only one")).Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 42, got)
}

func TestPurgeLeavesWhatRuns(t *testing.T) {
	s := newScene(t)
	c := s.client()
	s.host(1)
	gate := s.path("gate")
	running := submit(s, c, enter, gate)
	require.Eventually(t, func() bool { return running.State() == producer.Running }, patience, time.Millisecond)
	waiting := submit(s, c, double, 1)
	require.NoError(t, c.Flush(s.ctx))
	_, err := s.fleet.Purge(s.ctx, producer.DefaultQueue)
	require.NoError(t, err)
	require.False(t, running.State().Done())
	require.Eventually(t, func() bool { _, err := os.Stat(gate); return err == nil }, patience, time.Millisecond)
	require.NoError(t, os.Remove(gate))
	entered, err := running.Result(s.ctx)
	require.NoError(t, err)
	require.True(t, entered)
	require.ErrorIs(t, waiting.Err(s.ctx), codec.ErrCancelled, "it was purged, or the host asked not to begin it")
}

func TestPurgeWithoutClient(t *testing.T) {
	s := newScene(t)
	gone := s.client()
	require.NoError(t, s.fleet.Pause(s.ctx, producer.DefaultQueue))
	future := submit(s, gone, double, 1, producer.Retain(time.Hour))
	plain := submit(s, gone, double, 2)
	require.NoError(t, gone.Flush(s.ctx))
	_ = gone.Close(ended())
	n, err := s.fleet.Purge(s.ctx, producer.DefaultQueue)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	for _, id := range []codec.ID{future.ID(), plain.ID()} {
		attached, err := producer.Attach(s.ctx, s.client(), double, id)
		require.NoError(t, err)
		require.ErrorIs(t, attached.Err(s.ctx), codec.ErrCancelled)
	}
}
