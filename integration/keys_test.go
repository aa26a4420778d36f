package integration

import (
	"syscall"
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
	require.True(t, cancels(t, submitUnique(s, other, g, "same").Cancel))
	require.ErrorIs(t, waiting.Err(s.ctx), codec.ErrCancelled)
	s.host(url, "host", 1)
	running := submitNext(s, other, g, waiting.ID())
	require.Equal(t, "next", g.next(t, s.ctx).Name)
	require.True(t, cancels(t, running.Kill))
	next := submitNext(s, c, g, running.ID())
	g.next(t, s.ctx).letGo()
	require.NoError(t, next.Err(s.ctx))
}

// A task keeps its key while it is tried again after its process died.
func TestKeyOfATaskThatDies(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c, other, g := s.client(url), s.client(url), newGate(t)
	s.host(url, "host", 1)
	first := submitUnique(s, c, g, "first")
	require.NoError(t, syscall.Kill(g.next(t, s.ctx).PID, syscall.SIGKILL))
	again := g.next(t, s.ctx)
	require.Equal(t, 2, again.Attempt)
	same := submitUnique(s, other, g, "second")
	require.Equal(t, first.ID(), same.ID())
	again.letGo()
	for _, f := range []*producer.Future[seen]{first, same} {
		got, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, 2, got.Attempt)
	}
}
