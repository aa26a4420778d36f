package consumer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

func TestBacklogGivesTheMostUrgentFirst(t *testing.T) {
	t.Parallel()
	b := newBacklog()
	require.Nil(t, b.take())
	var want [5]*delivery
	for i, lane := range []broker.Lane{broker.Low, broker.Normal, broker.High, broker.Normal, broker.High} {
		d := &delivery{lane: lane}
		want[[...]int{4, 2, 0, 3, 1}[i]] = d
		b.put(d)
	}
	require.Equal(t, 5, b.upTo(broker.Low))
	require.Equal(t, 2, b.upTo(broker.High))
	for _, d := range want {
		lane, ok := b.urgent()
		require.True(t, ok)
		require.Equal(t, d.lane, lane)
		require.Same(t, d, b.take())
	}
	_, ok := b.urgent()
	require.False(t, ok)
}

// What has begun goes on before what came after it, but after what is more urgent,
// and is not given back whole.
func TestPausedGoesFirstInItsLane(t *testing.T) {
	t.Parallel()
	b := newBacklog()
	begun, normal, high, low := &delivery{lane: broker.Normal}, &delivery{lane: broker.Normal}, &delivery{lane: broker.High}, &delivery{lane: broker.Low}
	b.put(normal)
	require.False(t, b.hasBefore(broker.Normal))
	require.True(t, b.hasBefore(broker.Low))
	b.put(high)
	require.True(t, b.hasBefore(broker.Normal))
	now := time.Now()
	b.pause(begun, now)
	b.put(low)
	require.Same(t, high, b.take())
	require.False(t, b.hasBefore(broker.Normal))
	require.Empty(t, b.pausedSince(now.Add(-1)))
	require.Equal(t, []*delivery{begun}, b.pausedSince(now))
	require.Same(t, normal, b.takeNew())
	require.Same(t, low, b.takeNew())
	require.Nil(t, b.takeNew())
	require.Same(t, begun, b.take())
	require.Empty(t, b.pausedSince(now))
	require.False(t, b.hasBefore(broker.Low))
}

// idle gives a worker with one delivery of the normal lane at hand, which has
// asked the high lane for another.
func idle(highBehind bool) (w *Worker, normal *delivery) {
	w = &Worker{backlog: newBacklog()}
	for _, lane := range broker.Lanes {
		w.pullers[lane] = &puller{lane: lane, asked: 1}
	}
	w.pullers[broker.High].behind = highBehind
	normal = &delivery{lane: broker.Normal}
	w.backlog.put(normal)
	return w, normal
}

func TestNobodyWaitsForALaneThatHasNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, normal := idle(false)
		began := time.Now()
		require.Same(t, normal, w.next())
		require.Zero(t, time.Since(began))
	})
}

func TestMoreUrgentWorkThatIsOnItsWayGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, normal := idle(true)
		high := &delivery{lane: broker.High}
		time.AfterFunc(urgentPatience/2, func() { w.backlog.put(high) })
		require.Same(t, high, w.next())
		w.pullers[broker.High].asked = 0 // it has had its answer
		require.Same(t, normal, w.next())
	})
}

func TestMoreUrgentWorkThatOthersTookIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, normal := idle(true)
		began := time.Now()
		require.Same(t, normal, w.next())
		require.Equal(t, urgentPatience, time.Since(began))
		w.backlog.put(normal)
		require.Same(t, normal, w.next())
		require.Equal(t, urgentPatience, time.Since(began))
	})
}
