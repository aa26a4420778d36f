package integration

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// queuesHost puts a host on the stage that serves queues.
func (s *stage) queuesHost(url, name, queues string, processes int, env ...string) *pool.Supervisor {
	s.t.Helper()
	all, err := pool.ParseQueues(queues)
	require.NoError(s.t, err)
	return s.hostWith(pool.Config{URL: url, Host: name, Queues: all, Processes: processes, Env: env})
}

// Whatever is done to a task is done in its own queue.
func TestAHostServesSeveralQueues(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	h := s.queuesHost(url, "host", "first,second=2,third", 2)
	c := s.client(url)
	operator, err := fleet.Connect(s.ctx, url)
	require.NoError(t, err)
	defer operator.Close()
	for _, queue := range []string{"third", "first", "second"} {
		in := producer.Queue(queue)
		for i := range 50 {
			f, err := producer.Submit(s.ctx, c, double, i, in)
			require.NoError(t, err)
			twice, err := f.Result(s.ctx)
			require.NoError(t, err)
			require.Equal(t, 2*i, twice)
		}

		f, err := producer.Submit(s.ctx, c, flaky, flakiness{Manner: "error", Times: 1}, in, producer.Attempts(2))
		require.NoError(t, err)
		again, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, 2, again.Attempt, "after an error")
		f, err = producer.Submit(s.ctx, c, die, dying{Manner: "SIGKILL", Times: 1}, in)
		require.NoError(t, err)
		again, err = f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, 2, again.Attempt, "after a death")

		f, err = producer.Submit(s.ctx, c, die, dying{Manner: "SIGKILL", Times: 10}, in, producer.Crashes(2))
		require.NoError(t, err)
		require.ErrorIs(t, f.Err(s.ctx), codec.ErrWorkerDied)
		requireLetters(s, operator, queue, f.ID().String())

		g := newGate(t)
		running, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address}, in)
		require.NoError(t, err)
		g.next(t, s.ctx)
		require.True(t, cancels(t, running.Kill))
		require.ErrorIs(t, running.Err(s.ctx), codec.ErrCancelled)

		nc, err := nats.Connect(url)
		require.NoError(t, err)
		js, err := jetstream.New(nc)
		require.NoError(t, err)
		_, err = js.Publish(s.ctx, broker.TaskSubject(queue, broker.High), []byte("garbage"))
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			n := 0
			for _, err := range operator.DeadLetters(s.ctx, queue) {
				require.NoError(t, err)
				n++
			}
			return n == 2
		}, patience, 10*time.Millisecond, "what is no batch goes to the queue's dead letters")
		nc.Close()
	}

	all, err := fleet.Listen(s.ctx, s.connect(url), time.Second)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, "first,second=2,third", all[0].QueueText())
	require.Equal(t, "first", all[0].Queue, "for readers that know one queue alone")
	require.Equal(t, h.Status().Queues, all[0].Queues)
}

// connect returns a connection to a broker.
func (s *stage) connect(url string) *nats.Conn {
	s.t.Helper()
	nc, err := broker.Connect(s.ctx, broker.Config{URL: url})
	require.NoError(s.t, err)
	s.t.Cleanup(nc.Close)
	return nc
}

// requireLetters requires that a queue's dead letters are of these tasks.
func requireLetters(s *stage, operator *fleet.Fleet, queue string, want ...string) {
	s.t.Helper()
	var letters []string
	for letter, err := range operator.DeadLetters(s.ctx, queue) {
		require.NoError(s.t, err)
		letters = append(letters, letter.ID)
	}
	require.Equal(s.t, want, letters, queue)
}

// A func is looked for among the hosts of the task's own queue.
func TestAFuncElsewhereIsOfTheTasksQueue(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.queuesHost(url, "both", "first,second", 2)
	only := s.queuesHost(url, "rare", "second", 1, rareEnv+"=1")
	c := s.client(url)
	for range 5 {
		f, err := producer.Submit(s.ctx, c, rare, 0, producer.Queue("second"))
		require.NoError(t, err)
		at, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, seen{PID: only.PIDs()[0], Attempt: 1}, at)
		f, err = producer.Submit(s.ctx, c, rare, 0, producer.Queue("first"))
		require.NoError(t, err)
		require.ErrorIs(t, f.Err(s.ctx), codec.ErrUnknownFunc)
	}
}

// order has tasks of queues wait while the host's one process is busy, and returns whose
// tasks ran in which order.
func (s *stage) order(queues string, each int) (order []string) {
	s.t.Helper()
	url := s.broker()
	h := s.queuesHost(url, "host", queues, 1)
	c, g := s.client(url), newGate(s.t)
	visit := func(queue, name string) *producer.Future[seen] {
		f, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: name}, producer.Queue(queue))
		require.NoError(s.t, err)
		require.NoError(s.t, c.Flush(s.ctx))
		return f
	}
	served := h.Status().Serves()
	futures := []*producer.Future[seen]{visit(served[0].Name, "plug")}
	plug := g.next(s.t, s.ctx)
	for _, q := range slices.Backward(served) {
		for range each {
			futures = append(futures, visit(q.Name, q.Name))
		}
	}
	plug.letGo()
	for range futures[1:] {
		v := g.next(s.t, s.ctx)
		order = append(order, v.Name)
		v.letGo()
	}
	for _, f := range futures {
		require.NoError(s.t, f.Err(s.ctx))
	}
	return order
}

func TestQueuesInOrder(t *testing.T) {
	s := newStage(t)
	order := s.order("urgent,usual,idle", 12)
	// Not strictly: the broker answers in any order.
	require.Less(t, places(order, "urgent"), places(order, "usual"), order)
	require.Less(t, places(order, "usual"), places(order, "idle"), order)
}

func TestQueuesByWeight(t *testing.T) {
	s := newStage(t)
	order := s.order("much=4,little", 40)
	t.Log(order)
	require.Less(t, places(order, "much"), places(order, "little"), order)
	first := order[:20]
	require.Contains(t, first, "little", "it has its share")
}
