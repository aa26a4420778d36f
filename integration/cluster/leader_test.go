package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// load is many short tasks, and when each of them was done.
type load struct {
	fleet   *fleet
	futures []*producer.Future[int]

	mu   sync.Mutex
	done []time.Time
	wake chan struct{} // closed when as many are done as somebody waits for
	want int
}

// submit submits tasks until there are n, from a goroutine of its own: it waits
// while the broker does not store them.
func (f *fleet) submit(c *producer.Client, n int) (*load, func()) {
	l := &load{fleet: f, futures: make([]*producer.Future[int], n)}
	var submitted sync.WaitGroup
	var err error
	submitted.Go(func() {
		for i := range l.futures {
			if l.futures[i], err = producer.Submit(f.ctx, c, double, i); err != nil {
				return
			}
			l.futures[i].OnDone(func(*producer.Future[int]) { l.note() })
		}
	})
	return l, func() {
		f.t.Helper()
		submitted.Wait()
		require.NoError(f.t, err)
	}
}

func (l *load) note() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = append(l.done, time.Now())
	if l.wake != nil && len(l.done) == l.want {
		close(l.wake)
	}
}

// await waits until n tasks are done.
func (l *load) await(n int) {
	l.fleet.t.Helper()
	l.mu.Lock()
	l.want, l.wake = n, make(chan struct{})
	if len(l.done) >= n {
		close(l.wake)
	}
	l.mu.Unlock()
	select {
	case <-l.wake:
	case <-l.fleet.ctx.Done():
		require.FailNow(l.fleet.t, "not done", "%d of %d", len(l.done), len(l.futures))
	}
}

// stall returns the longest time without an outcome since a moment.
func (l *load) stall(since time.Time) (longest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.SortFunc(l.done, time.Time.Compare)
	last := since
	for _, at := range l.done {
		if at.After(since) {
			longest = max(longest, at.Sub(last))
			last = at
		}
	}
	return longest
}

func (l *load) requireDoubled() {
	l.fleet.t.Helper()
	for i, future := range l.futures {
		n, err := future.Result(l.fleet.ctx)
		require.NoError(l.fleet.t, err)
		require.Equal(l.fleet.t, 2*i, n)
	}
}

// Publishes, deliveries, outcomes and acknowledgements are all under way, and
// the other nodes must go on with them.
func TestQueueLeaderKilled(t *testing.T) {
	f := newFleet(t)
	f.host("one", 2)
	f.host("two", 2)
	c := f.client(f.url())
	tasks, submitted := f.submit(c, 12_000)
	tasks.await(2000)

	first := f.streamLeader(broker.TaskStream(producer.DefaultQueue))
	killed := time.Now()
	first.kill()
	late, submittedLate := f.submit(c, 1000) // which nobody stores at first
	tasks.await(6000)
	t.Logf("no outcome for %v after %s was killed, the leader of the queue's stream", tasks.stall(killed), first.name)
	require.NoError(t, c.Flush(f.ctx))
	t.Logf("all tasks stored %v after", time.Since(killed))

	// It comes back as good as new: the next one to go needs it.
	f.startNode(first)
	f.awaitCurrent(broker.TaskStream(producer.DefaultQueue))
	second := f.consumerLeader()
	more, submittedMore := f.submit(c, 4000)
	more.await(100)
	killed = time.Now()
	second.kill()
	submitted()
	submittedLate()
	submittedMore()
	tasks.requireDoubled()
	late.requireDoubled()
	more.requireDoubled()
	t.Logf("no outcome for %v after %s was killed, the leader of its consumer", more.stall(killed), second.name)
	require.Zero(t, c.Pending())
}

// Outcomes are stored because their client cannot be reached; it comes back
// while nobody can tell it of them.
func TestResultsLeaderKilled(t *testing.T) {
	f := newFleet(t)
	f.host("one", 2)
	f.host("two", 2)
	line := newLine()
	c := f.client(f.url(), producer.WithNATS(nats.SetCustomDialer(line)))
	tasks, submitted := f.submit(c, 4000)
	submitted()
	require.NoError(t, c.Flush(f.ctx))
	line.cut()
	f.awaitMessages(broker.ResultsStream, 500)

	leader := f.streamLeader(broker.ResultsStream)
	killed := time.Now()
	leader.kill()
	line.mend()
	tasks.requireDoubled()
	t.Logf("no outcome for %v after %s was killed, the leader of %s", tasks.stall(killed), leader.name, broker.ResultsStream)
	require.Zero(t, c.Pending())
}

// Nobody can renew a lease while nobody leads the consumer, which takes longer
// than a lease: what runs is started once more, uncharged, and the first outcome
// stands.
func TestLongTaskOutlivesAnElection(t *testing.T) {
	f := newFleet(t)
	one := f.host("one", 1)
	c := f.client(f.url())
	dir := t.TempDir()
	future, err := producer.Submit(f.ctx, c, linger, dir)
	require.NoError(t, err)
	starts := func() int {
		files, err := filepath.Glob(filepath.Join(dir, "start-*"))
		require.NoError(t, err)
		return len(files)
	}
	require.Eventually(t, func() bool { return starts() == 1 }, patience, 10*time.Millisecond)
	f.host("two", 2)

	leader := f.consumerLeader()
	require.False(t, one.log.has("the broker does not confirm leases"))
	leader.kill()
	f.awaitLog(one, "the broker does not confirm leases")
	f.awaitLog(one, "the broker confirms leases again")
	tasks, submitted := f.submit(c, 100) // not for those who run the long one
	submitted()
	tasks.requireDoubled()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), nil, 0o600))
	attempt, err := future.Result(f.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, attempt)
	require.Zero(t, c.Pending())
	t.Logf("the task was started %d times", starts())
}
