package integration

import (
	"iter"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// What waits in a more urgent lane runs first, however long the others have
// waited.
func TestLanes(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.host(url, "host", 1)
	c, g := s.client(url), newGate(t)
	first, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: "first"})
	require.NoError(t, err)
	plug := g.next(t, s.ctx)
	names := map[producer.Lane]string{producer.Low: "low", producer.Normal: "normal", producer.High: "high"}
	var futures []*producer.Future[seen]
	for _, lane := range []producer.Lane{producer.Low, producer.Normal, producer.High} {
		for range 12 {
			f, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: names[lane]}, producer.Priority(lane))
			require.NoError(t, err)
			require.NoError(t, c.Flush(s.ctx))
			futures = append(futures, f)
		}
	}
	plug.letGo()
	require.NoError(t, first.Err(s.ctx))
	var order []string
	for range futures {
		v := g.next(t, s.ctx)
		order = append(order, v.Name)
		v.letGo()
	}
	for _, f := range futures {
		require.NoError(t, f.Err(s.ctx))
	}
	// Not strictly: the broker answers in any order.
	require.Less(t, places(order, "high"), places(order, "normal"), order)
	require.Less(t, places(order, "normal"), places(order, "low"), order)
}

// places returns the sum of the places at which a name stands.
func places(names []string, name string) (sum int) {
	for i := range names {
		if names[i] == name {
			sum += i
		}
	}
	return sum
}

// naps returns the arguments of n tasks.
func naps(n int, each time.Duration) iter.Seq[time.Duration] {
	return slices.Values(slices.Repeat([]time.Duration{each}, n))
}

// An urgent task waits for the task that runs, not for the batch that this is of.
// The rest of the batch runs after it, in the same process or another.
func TestUrgentTaskGoesBeforeTheRestOfABatch(t *testing.T) {
	// Behind tasks that take long nothing is kept waiting: urgent ones go to the
	// process that takes them first, of which this is one whenever a task ends.
	for _, long := range []time.Duration{time.Millisecond, 15 * time.Millisecond, 60 * time.Millisecond} {
		t.Run(long.String(), func(t *testing.T) {
			s := newStage(t)
			url := s.broker()
			h := s.host(url, "host", 1)
			c := s.client(url)
			all := int(3 * time.Second / long)
			n := 0
			for _, err := range producer.Map(s.ctx, c, nap, naps(all, long), producer.Chunk(all)) {
				require.NoError(t, err)
				if n++; n > 1 {
					continue
				}
				for i := range 3 {
					urgent, err := producer.Submit(s.ctx, c, double, i, producer.Priority(producer.High))
					require.NoError(t, err)
					twice, err := urgent.Result(s.ctx)
					require.NoError(t, err)
					require.Equal(t, 2*i, twice)
				}
				status := h.Status()
				require.Less(t, status.Processes[0].Tasks, uint64(all), "the chunk is under way")
				require.EqualValues(t, 3, status.Counts["double"].Attempts)
			}
			require.Equal(t, all, n)
			require.EqualValues(t, all, h.Status().Counts["nap"].Attempts, "none ran again")
		})
	}
}

// The rest of a batch does not wait for long behind a more urgent task: others run
// it. That of a chunk stays together there.
func TestRestOfABatchGoesToOthers(t *testing.T) {
	for name, options := range map[string][]producer.CallOption{"batches": nil, "a chunk": {producer.Chunk(1000)}} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			url := s.broker()
			s.host(url, "one", 1)
			c, g := s.client(url), newGate(t)
			known, err := producer.Submit(s.ctx, c, nap, time.Millisecond) // how long they run
			require.NoError(t, err)
			require.NoError(t, known.Err(s.ctx))
			var urgent *producer.Future[seen]
			var visitor *visit
			n := 0
			for _, err := range producer.Map(s.ctx, c, nap, naps(1000, time.Millisecond), options...) {
				require.NoError(t, err)
				if n++; n > 1 {
					continue
				}
				urgent, err = producer.Submit(s.ctx, c, attend, call{Gate: g.address}, producer.Priority(producer.High))
				require.NoError(t, err)
				visitor = g.next(t, s.ctx)
				s.host(url, "two", 1)
			}
			require.Equal(t, 1000, n)
			visitor.letGo()
			require.NoError(t, urgent.Err(s.ctx))
		})
	}
}

// A process may die while the rest of a batch waits there for a more urgent task:
// that one alone is charged.
func TestProcessDiesWithAPausedBatch(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	h := s.host(url, "host", 1)
	c, g := s.client(url), newGate(t)
	const all = 300
	var urgent *producer.Future[seen]
	n := 0
	for _, err := range producer.Map(s.ctx, c, nap, naps(all, time.Millisecond), producer.Chunk(all), producer.Crashes(1)) {
		require.NoError(t, err)
		if n++; n > 1 {
			continue
		}
		urgent, err = producer.Submit(s.ctx, c, attend, call{Gate: g.address}, producer.Priority(producer.High))
		require.NoError(t, err)
		visitor := g.next(t, s.ctx)
		require.NoError(t, syscall.Kill(visitor.PID, syscall.SIGKILL))
		g.next(t, s.ctx).letGo()
	}
	require.Equal(t, all, n)
	require.NoError(t, urgent.Err(s.ctx))
	require.EqualValues(t, 1, h.Status().Deaths[codec.CauseSignal])
}
