package integration

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// messages returns how many messages the queue of a pool has ever had.
func (s *stage) messages(p *pool.Pool) uint64 {
	s.t.Helper()
	nc, err := nats.Connect(p.URL())
	require.NoError(s.t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	queue, err := js.Stream(s.ctx, broker.TaskStream(producer.DefaultQueue))
	require.NoError(s.t, err)
	return queue.CachedInfo().State.LastSeq
}

// A pool passes tasks to its processes itself while one is idle.
func TestTheBrokerIsNotNeededWhileAProcessIsIdle(t *testing.T) {
	s := newStage(t)
	p := s.local(2)
	for i := range 100 {
		f, err := producer.Submit(s.ctx, p.Client(), double, i)
		require.NoError(t, err)
		n, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, 2*i, n)
	}
	require.Zero(t, s.messages(p))

	// Any number of tasks gets there all the same.
	requireDoubled(s, submitDoubles(s, p.Client(), 20_000))
	require.NotZero(t, s.messages(p))
}

// Nothing of a paused queue is handed over, from some milliseconds after.
func TestAPausedPoolBeginsNothing(t *testing.T) {
	s := newStage(t)
	p := s.local(2)
	f, err := fleet.Connect(s.ctx, p.URL())
	require.NoError(t, err)
	defer f.Close()
	for range 3 {
		require.NoError(t, f.Pause(s.ctx, producer.DefaultQueue))
		var waits *producer.Future[int]
		require.Eventually(t, func() bool {
			before := s.messages(p)
			waits, err = producer.Submit(s.ctx, p.Client(), double, 21)
			require.NoError(t, err)
			require.NoError(t, p.Client().Flush(s.ctx))
			return s.messages(p) > before
		}, patience, time.Millisecond)
		select {
		case <-waits.Done():
			require.Fail(t, "it has run")
		case <-time.After(50 * time.Millisecond):
		}
		require.NoError(t, f.Resume(s.ctx, producer.DefaultQueue))
		require.NoError(t, waits.Err(s.ctx))
		require.Eventually(t, func() bool { // and then anything is again
			before := s.messages(p)
			again, err := producer.Submit(s.ctx, p.Client(), double, 21)
			require.NoError(t, err)
			require.NoError(t, again.Err(s.ctx))
			return s.messages(p) == before
		}, patience, time.Millisecond)
	}
}

// A task that its process takes along is charged, and one that the supervisor takes
// along is not; both run on another host of the pool's broker if need be.
func TestADirectTaskOutlivesItsProcessAndItsHost(t *testing.T) {
	s := newStage(t)
	p := s.local(1)
	died, err := producer.Submit(s.ctx, p.Client(), die, dying{"SIGKILL", 1})
	require.NoError(t, err)
	again, err := died.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 2, again.Attempt)

	g := newGate(t)
	f := submitVisit(s, p.Client(), g, "moved")
	first := g.next(t, s.ctx)
	s.host(p.URL(), "other", 1)
	p.Supervisor().Kill()
	second := g.next(t, s.ctx)
	require.NotEqual(t, first.PID, second.PID)
	second.letGo()
	at, err := f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, seen{PID: second.PID, Attempt: 1}, at)
}

// With other hosts and clients at the pool's broker each task runs once.
func TestDirectTasksRunOnceBesideOtherHosts(t *testing.T) {
	s := newStage(t)
	p := s.local(2)
	s.host(p.URL(), "other", 2)
	clients := []*producer.Client{p.Client(), s.client(p.URL())}
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			for j := range 500 {
				path := filepath.Join(dir, strconv.Itoa(i)+"-"+strconv.Itoa(j))
				f, err := producer.Submit(s.ctx, c, mark, path)
				if assert.NoError(t, err) && j%10 == 0 {
					assert.NoError(t, f.Err(s.ctx))
				}
			}
		})
	}
	wg.Wait()
	for _, c := range clients {
		require.NoError(t, c.Close(s.ctx))
	}
	for i := range clients {
		for j := range 500 {
			runs, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i)+"-"+strconv.Itoa(j)))
			require.NoError(t, err)
			require.Len(t, runs, 1, "client %d, task %d", i, j)
		}
	}
}

// Of a pool, a task that was cancelled has not run and never does.
func TestCancelIsExactInAPool(t *testing.T) {
	s := newStage(t)
	p := s.local(2)
	dir := t.TempDir()
	cancelled := 0
	for round := range 20 {
		futures := map[string]*producer.Future[bool]{}
		for i := range 100 {
			path := filepath.Join(dir, strconv.Itoa(round)+"-"+strconv.Itoa(i))
			f, err := producer.Submit(s.ctx, p.Client(), mark, path)
			require.NoError(t, err)
			futures[path] = f
		}
		outcomes := map[string]bool{}
		for path, f := range futures {
			if rand.N(4) == 0 {
				time.Sleep(rand.N(100 * time.Microsecond))
			}
			ok, err := f.Cancel(s.ctx)
			require.NoError(t, err)
			outcomes[path] = ok
		}
		for path, ok := range outcomes {
			_, err := futures[path].Result(s.ctx)
			if ok {
				cancelled++
				require.ErrorIs(t, err, codec.ErrCancelled)
				require.NoFileExists(t, path)
			} else {
				require.NoError(t, err)
				require.FileExists(t, path)
			}
		}
	}
	t.Log("cancelled", cancelled, "of 2000")
	require.NoError(t, p.Close(s.ctx)) // nothing runs any more
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 2000-cancelled)
}
