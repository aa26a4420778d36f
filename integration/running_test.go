package integration

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// A running task that is cancelled without being killed goes on and keeps its
// result, whichever client cancels it.
func TestCancelledRunningTaskKeepsItsResult(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.host(url, "host", 1)
	c, other, g := s.client(url), s.client(url), newGate(t)
	for name, cancel := range map[string]func(f *producer.Future[seen]) (bool, error){
		"its own client": func(f *producer.Future[seen]) (bool, error) {
			require.Eventually(t, func() bool { return f.State() == producer.Running }, patience, time.Millisecond)
			return f.Cancel(s.ctx)
		},
		"by its id":             func(f *producer.Future[seen]) (bool, error) { return false, other.Cancel(s.ctx, f.ID()) },
		"by an attached future": func(f *producer.Future[seen]) (bool, error) { return attachTo(s, other, f.ID()).Cancel(s.ctx) },
		"by its id, attached": func(f *producer.Future[seen]) (bool, error) {
			attached := attachTo(s, other, f.ID())
			err := other.Cancel(s.ctx, f.ID())
			require.Equal(t, producer.Running, attached.State())
			return attached.State() == producer.Cancelled, err
		},
		"with all that are pending": func(f *producer.Future[seen]) (bool, error) {
			require.Eventually(t, func() bool { return f.State() == producer.Running }, patience, time.Millisecond)
			n, err := c.CancelPending(s.ctx)
			return n > 0, err
		},
	} {
		for kind, options := range map[string][]producer.CallOption{"durable": {producer.Retain(time.Hour)}, "with a key": {producer.Key(name)}} {
			f, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: name}, options...)
			require.NoError(t, err)
			v := g.next(t, s.ctx)
			cancelled, err := cancel(f)
			require.NoError(t, err, "%s, %s", kind, name)
			require.False(t, cancelled, "%s, %s", kind, name)
			v.letGo()
			got, err := f.Result(s.ctx)
			require.NoError(t, err, "%s, %s", kind, name)
			require.Equal(t, v.PID, got.PID)
			got, err = attachTo(s, other, f.ID()).Result(s.ctx)
			require.NoError(t, err, "%s, %s", kind, name)
			require.Equal(t, v.PID, got.PID)
		}
	}
}

// A delayed task that is cancelled by its id is cancelled for everybody, and never
// runs.
func TestCancelledDelayedTaskIsCancelledForEverybody(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c, other := s.client(url), s.client(url)
	for name, cancel := range map[string]func(id codec.ID) error{
		"by its id": func(id codec.ID) error { return other.Cancel(s.ctx, id) },
		"by an attached future": func(id codec.ID) error {
			_, err := attachTo(s, other, id).Cancel(s.ctx)
			return err
		},
	} {
		f, err := producer.Submit(s.ctx, c, attend, call{}, producer.Delay(time.Hour), producer.Retain(time.Hour))
		require.NoError(t, err)
		require.NoError(t, c.Flush(s.ctx))
		require.NoError(t, cancel(f.ID()), name)
		require.ErrorIs(t, f.Err(s.ctx), codec.ErrCancelled, name)
		require.NoError(t, other.Flush(s.ctx))
		require.Empty(t, schedules(s, url), name)
	}
}

// Without the broker's answer a durable task is not cancelled, and says why; a plain
// one is, at once.
func TestCancelWithoutBroker(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c := s.client(url)
	plain, err := producer.Submit(s.ctx, c, attend, call{})
	require.NoError(t, err)
	durable, err := producer.Submit(s.ctx, c, attend, call{}, producer.Retain(time.Hour))
	require.NoError(t, err)
	cancelled, err := durable.Cancel(ended())
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, cancelled)
	require.Equal(t, producer.Pending, durable.State())
	cancelled, err = plain.Cancel(ended())
	require.NoError(t, err)
	require.True(t, cancelled)
	n, err := c.CancelPending(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func attachTo(s *stage, c *producer.Client, id codec.ID) *producer.Future[seen] {
	s.t.Helper()
	f, err := producer.Attach(s.ctx, c, attend, id)
	require.NoError(s.t, err)
	return f
}
