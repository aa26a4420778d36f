package integration

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

func submitUnique(s *stage, c *producer.Client, g *gate, name string) *producer.Future[seen] {
	s.t.Helper()
	f, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: name}, producer.Key("k"))
	require.NoError(s.t, err)
	return f
}

// While a task with a key waits or runs, all who submit with that key get its
// outcome; then the next one gets the key.
func TestKey(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c, other, g := s.client(url), s.client(url), newGate(t)
	first := submitUnique(s, c, g, "first")
	waiting := submitUnique(s, other, g, "second")
	s.host(url, "host", 2)
	v := g.next(t, s.ctx)
	running := submitUnique(s, other, g, "third")
	require.Equal(t, first.ID(), waiting.ID())
	require.Equal(t, first.ID(), running.ID())
	require.Equal(t, "first", v.Name)
	v.letGo()
	for _, f := range []*producer.Future[seen]{first, waiting, running} {
		got, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, v.PID, got.PID)
	}
	next := submitNext(s, other, g, first.ID())
	g.next(t, s.ctx).letGo()
	require.NoError(t, next.Err(s.ctx))
}

// submitNext submits until another task than the last gets the key, which is free
// soon after the outcome of the last is stored.
func submitNext(s *stage, c *producer.Client, g *gate, last codec.ID) (next *producer.Future[seen]) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		next = submitUnique(s, c, g, "next")
		return next.ID() != last
	}, patience, 10*time.Millisecond)
	return next
}

// A task that is cancelled or killed gives up its key.
func TestKeyOfACancelledTask(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c, other, g := s.client(url), s.client(url), newGate(t)
	waiting := submitUnique(s, c, g, "waiting")
	require.True(t, submitUnique(s, other, g, "same").Cancel())
	require.ErrorIs(t, waiting.Err(s.ctx), codec.ErrCancelled)
	s.host(url, "host", 1)
	running := submitNext(s, other, g, waiting.ID())
	require.Equal(t, "next", g.next(t, s.ctx).Name)
	require.True(t, running.Kill())
	next := submitNext(s, c, g, running.ID())
	g.next(t, s.ctx).letGo()
	require.NoError(t, next.Err(s.ctx))
}

// A task keeps its key while it is tried again after its process died.
func TestKeyOfATaskThatDies(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c, other := s.client(url), s.client(url)
	s.host(url, "host", 1)
	submit := func(c *producer.Client, times int) *producer.Future[seen] {
		f, err := producer.Submit(s.ctx, c, die, dying{Manner: "SIGKILL", Times: times}, producer.Key("k"))
		require.NoError(t, err)
		return f
	}
	first := submit(c, 2)
	for f := submit(other, 2); first.State() != producer.Finished; f = submit(other, 2) {
		if f.ID() != first.ID() {
			require.NoError(t, first.Err(s.ctx), "the key was free before the task was done")
			break
		}
	}
	got, err := first.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 3, got.Attempt)
}
