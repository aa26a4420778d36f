package integration

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

func TestSubmitMapAndAsCompleted(t *testing.T) {
	s := newStage(t)
	c := s.local(2).Client()

	f, err := producer.Submit(s.ctx, c, double, 21)
	require.NoError(t, err)
	n, err := f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 42, n)
	require.Equal(t, producer.Finished, f.State())

	var mapped []int
	for n, err := range producer.Map(s.ctx, c, double, slices.Values([]int{3, 1, 2})) {
		require.NoError(t, err)
		mapped = append(mapped, n)
	}
	require.Equal(t, []int{6, 2, 4}, mapped)

	futures := map[*producer.Future[int]]bool{}
	for i := range 10 {
		f, err := producer.Submit(s.ctx, c, double, i)
		require.NoError(t, err)
		futures[f] = true
	}
	for f, err := range producer.AsCompleted(s.ctx, maps.Keys(maps.Clone(futures))) {
		require.NoError(t, err)
		require.True(t, futures[f], "a future that was not asked for, or twice")
		delete(futures, f)
	}
	require.Empty(t, futures)
	require.Zero(t, c.Pending())
}

func TestTenThousandTasks(t *testing.T) {
	s := newStage(t)
	c := s.local(2).Client()
	requireDoubled(s, submitDoubles(s, c, 10_000))
	require.Zero(t, c.Pending())
}

func submitDoubles(s *stage, c *producer.Client, n int) (futures []*producer.Future[int]) {
	s.t.Helper()
	for i := range n {
		f, err := producer.Submit(s.ctx, c, double, i)
		require.NoError(s.t, err)
		futures = append(futures, f)
	}
	return futures
}

func requireDoubled(s *stage, futures []*producer.Future[int]) {
	s.t.Helper()
	for i, f := range futures {
		n, err := f.Result(s.ctx)
		require.NoError(s.t, err)
		require.Equal(s.t, 2*i, n)
	}
}

// submitVisit submits a task that waits at the gate.
func submitVisit(s *stage, c *producer.Client, g *gate, name string) *producer.Future[seen] {
	s.t.Helper()
	f, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: name})
	require.NoError(s.t, err)
	return f
}

func TestTwoHostsShareAQueue(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	one, two := s.host(url, "one", 1), s.host(url, "two", 1)
	c, g := s.client(url), newGate(t)

	futures := []*producer.Future[seen]{submitVisit(s, c, g, "a"), submitVisit(s, c, g, "b")}
	first, second := g.next(t, s.ctx), g.next(t, s.ctx) // both at once
	require.ElementsMatch(t, append(one.PIDs(), two.PIDs()...), []int{first.PID, second.PID})
	first.letGo()
	second.letGo()
	for _, f := range futures {
		require.NoError(t, f.Err(s.ctx))
	}
}

func TestEveryProcessIsBusyAndRunsOneTask(t *testing.T) {
	s := newStage(t)
	c, g := s.local(2).Client(), newGate(t)
	var futures []*producer.Future[seen]
	for i := range 8 {
		futures = append(futures, submitVisit(s, c, g, strconv.Itoa(i)))
	}
	for range 4 {
		a, b := g.next(t, s.ctx), g.next(t, s.ctx)
		require.NotEqual(t, a.PID, b.PID)
		a.letGo()
		b.letGo()
	}
	for _, f := range futures {
		require.NoError(t, f.Err(s.ctx))
	}
	require.Equal(t, 2, g.maxInside())
}

func TestCancelBehindALongTask(t *testing.T) {
	s := newStage(t)
	c, g := s.local(1).Client(), newGate(t)

	long := submitVisit(s, c, g, "long")
	running := g.next(t, s.ctx)
	unwanted := submitVisit(s, c, g, "unwanted")
	require.True(t, cancels(t, unwanted.Cancel))
	require.Equal(t, producer.Cancelled, unwanted.State())
	require.ErrorIs(t, unwanted.Err(s.ctx), codec.ErrCancelled)

	last := submitVisit(s, c, g, "last")
	// Requests go the same way one after the other, so that when this one has
	// stopped the long task the other has been heard.
	defer running.letGo()
	require.True(t, cancels(t, long.Kill))
	next := g.next(t, s.ctx)
	require.Equal(t, "last", next.Name)
	next.letGo()
	require.NoError(t, last.Err(s.ctx))
	require.Zero(t, c.Pending())
}

// The broker keeps requests for hosts that were not there.
func TestCancelBeforeTheHostCame(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c, g := s.client(url), newGate(t)
	unwanted := submitVisit(s, c, g, "unwanted")
	require.NoError(t, c.Flush(s.ctx))
	require.True(t, cancels(t, unwanted.Cancel))
	wanted := submitVisit(s, c, g, "wanted")
	require.NoError(t, c.Flush(s.ctx))

	s.host(url, "late", 1)
	first := g.next(t, s.ctx)
	require.Equal(t, "wanted", first.Name)
	first.letGo()
	require.NoError(t, wanted.Err(s.ctx))
}
