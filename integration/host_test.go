package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

func TestSupervisorKilled(t *testing.T) {
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	doomed := s.hostProgram(url, "doomed", 2)
	c, g := s.client(url), newGate(t)
	var futures []*producer.Future[seen]
	for i := range 2 {
		f, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: fmt.Sprint(i), Child: true})
		require.NoError(t, err)
		futures = append(futures, f)
	}
	g.next(t, s.ctx)
	g.next(t, s.ctx)
	// Supervisor, guard, and two worker processes with a child each.
	require.Len(t, processesMarked(doomed.marker), 6)

	doomed.kill()
	requireNoProcess(t, doomed.marker)
	s.hostProgram(url, "other", 2)
	g.open()
	for _, f := range futures {
		result, err := f.Result(s.ctx) // after the lease
		require.NoError(t, err)
		require.Equal(t, 1, result.Attempt, "a host's death is charged to a task")
	}
}

func TestTERMDrainsAHost(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	leaving := s.hostProgram(url, "leaving", 2)
	c, g := s.client(url), newGate(t)
	var futures []*producer.Future[seen]
	for i := range 6 {
		futures = append(futures, submitVisit(s, c, g, fmt.Sprint(i)))
	}
	a, b := g.next(t, s.ctx), g.next(t, s.ctx)
	leaving.terminate()
	leaving.lineWith("draining")
	a.letGo()
	b.letGo()
	g.open()
	leaving.wait() // with status 0
	requireNoProcess(t, leaving.marker)

	s.host(url, "staying", 1)
	var pids []int
	for _, f := range futures {
		result, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, 1, result.Attempt)
		pids = append(pids, result.PID)
	}
	require.Subset(t, pids, []int{a.PID, b.PID}, "a running task was not finished")
}

// The rest of a chunk goes to another host at once, not when the lease ends.
func TestDrainInTheMiddleOfAChunk(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	one, two := s.host(url, "one", 1), s.host(url, "two", 1)
	hosts := map[int]*pool.Supervisor{one.PIDs()[0]: one, two.PIDs()[0]: two}
	c := s.client(url)
	naps := slices.Repeat([]time.Duration{5 * time.Millisecond}, 100)
	var drained time.Time // since when nobody is to wait
	byPID := map[int]int{}
	for result, err := range producer.Map(s.ctx, c, nap, slices.Values(naps), producer.Chunk(len(naps))) {
		require.NoError(t, err)
		require.Equal(t, 1, result.Attempt)
		if byPID[result.PID]++; byPID[result.PID] == 3 && drained.IsZero() {
			drained = time.Now()
			require.NoError(t, hosts[result.PID].Drain(s.ctx))
			require.Less(t, time.Since(drained), promptly, "draining")
		}
	}
	require.Len(t, byPID, 2)
	require.Less(t, time.Since(drained), promptly, "the rest: %v", byPID)
}
