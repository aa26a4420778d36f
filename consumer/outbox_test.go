package consumer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/link"
)

// sent is what an outbox has sent: how many outcomes of which run in each frame.
type sent struct {
	run uint64
	n   int
}

func TestOutcomesWaitForOthersBriefly(t *testing.T) {
	t.Parallel()
	ours, theirs := connect(t)
	o := outbox{link: theirs}
	now := time.Now()
	add := func(run uint64, body int, at time.Duration) {
		outcome := link.Outcome{Started: now.Add(at), Run: 1, Body: make([]byte, body)}
		require.NoError(t, o.add(&link.Run{ID: run, Stored: now}, &outcome, now.Add(at)))
	}
	for range 100 {
		add(1, 1, 0)
	}
	require.NoError(t, o.flushIfOld(now.Add(minLinger-1)))
	require.NoError(t, o.flush())
	require.NoError(t, o.flush()) // of nothing
	add(2, 1, 0)
	add(2, 1, minLinger-1)
	add(2, 1, minLinger) // the first has waited for long enough
	add(3, 1, 0)
	require.NoError(t, o.flushIfOld(now.Add(minLinger)))
	require.NoError(t, o.flushIfOld(now.Add(time.Hour))) // of nothing
	add(4, outboxBytes/2, 0)
	add(4, outboxBytes/2, 0) // there is enough of them
	add(4, maxSpace, 0)      // a large one does not wait
	require.Nil(t, o.data, "nor is its space kept")
	add(5, 1, 0)
	require.NoError(t, o.flush())
	require.NoError(t, ours.Socket().SetReadDeadline(time.Now().Add(patience)))
	for _, want := range []sent{{1, 100}, {2, 3}, {3, 1}, {4, 2}, {4, 1}, {5, 1}} {
		f, err := ours.Receive()
		require.NoError(t, err)
		run, outcomes, err := readOutcomes(f.Payload)
		require.NoError(t, err)
		require.Equal(t, want, sent{run, len(outcomes)})
	}
}

func TestOutcomesAreLostWithTheSupervisor(t *testing.T) {
	t.Parallel()
	ours, theirs := connect(t)
	require.NoError(t, ours.Close())
	o := outbox{link: theirs}
	require.NoError(t, o.add(&link.Run{ID: 1}, &link.Outcome{}, time.Now()))
	require.Error(t, o.flush())
	require.Empty(t, o.data, "they do not pile up")
}

func TestOutcomesOfShortTasksComeTogether(t *testing.T) {
	t.Parallel()
	const tasks = 5000
	f := functions{}
	square(f)
	s := serve(t, f)
	began := time.Now()
	s.give(1, calls("square", make([]int, tasks)...)...)
	_, frames := s.outcomes(1, tasks)
	// Each but the last frame was sent because its first outcome had waited, or because
	// it was full, which these do not fill more than a few times.
	full := tasks * 32 / outboxBytes
	require.LessOrEqual(t, frames, 1+full+int(time.Since(began)/minLinger))
}

func TestOutcomesDoNotWaitForALongTask(t *testing.T) {
	t.Parallel()
	f := functions{}
	square(f)
	g := newGate(t, f)
	s := serve(t, f)
	s.give(1, call("square", 2), call("square", 3), call("wait", 1), call("square", 4), call("wait", 2))
	await(s, g.began)
	all, _ := s.outcomes(1, 2)
	requireValue(t, 4, all[0])
	requireValue(t, 9, all[1])
	g.open <- struct{}{}
	await(s, g.began)
	all, _ = s.outcomes(1, 2)
	requireValue(t, 1, all[0])
	requireValue(t, 16, all[1])
	g.open <- struct{}{}
	requireValue(t, 2, s.outcome(1))

	// Nor after the watcher has slept.
	require.Eventually(t, s.worker.watcher.asleep.Load, patience, time.Millisecond)
	s.give(2, call("square", 5), call("wait", 3))
	await(s, g.began)
	requireValue(t, 25, s.outcome(2))
	require.Eventually(t, s.worker.watcher.asleep.Load, patience, time.Millisecond, "a long task keeps nobody awake")
	g.open <- struct{}{}
	requireValue(t, 3, s.outcome(2))
	s.drain()
	s.leaves(LeavingDrained)
}
