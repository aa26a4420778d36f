package pool

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/transport"
)

// inbox is what a client in the scheduler's program was passed.
type inbox struct {
	mu       sync.Mutex
	outcomes []codec.Outcome
	closed   bool
	before   func() // is called when outcomes come
}

func (in *inbox) take(data []byte) (int, error) {
	if in.before != nil {
		in.before()
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return 0, errors.New("closed")
	}
	var message codec.Outcomes
	if err := message.Decode(append([]byte{}, data...)); err != nil {
		return 0, err
	}
	in.outcomes = append(in.outcomes, message.List...)
	return len(message.List), nil
}

// numbers returns the numbers of the tasks whose outcomes have come, in order.
func (in *inbox) numbers() (all []uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, o := range in.outcomes {
		all = append(all, o.N)
	}
	return all
}

// attach has a client in the scheduler's program.
func (b *bench) attach() *inbox {
	in := &inbox{}
	b.Attach("client", in.take)
	return in
}

// batchOf returns a batch of the client's with tasks that are numbered from 0.
func batchOf(tasks ...codec.Task) transport.Batch {
	batch := codec.NewBatch("client", nil)
	for i := range tasks {
		tasks[i].N = uint64(i)
		batch.Add(&tasks[i])
	}
	return transport.Batch{Queue: "queue", Lane: int(broker.Normal), Data: batch.Bytes()}
}

// hand hands a batch over.
func (b *bench) hand(batch transport.Batch) {
	b.t.Helper()
	begin, ok := b.Take(batch)
	require.True(b.t, ok)
	begin()
}

func TestAnIdleProcessBeginsWhatIsHandedOver(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	in, m := b.attach(), b.mate()
	batch := batchOf(calls(2, "f")...)
	b.hand(batch)
	clear(batch.Data) // it is the client's again
	p := m.next()
	require.Len(t, p.tasks, 2)
	require.Empty(t, b.held(), "there is no lease")
	require.Equal(t, 2, m.rest(p))
	require.Equal(t, []uint64{0, 1}, in.numbers())
	require.Zero(t, look(b, func() int { return len(b.deliveries) + b.storing + b.sending }))
	require.EqualValues(t, 2, b.handed.direct.Load())
	b.hand(batchOf(calls(1, "f")...))
	require.Len(t, m.next().tasks, 1)
}

func TestABatchIsNotHandedOver(t *testing.T) {
	t.Parallel()
	one := func() transport.Batch { return batchOf(calls(1, "f")...) }
	for name, test := range map[string]struct {
		batch  func() transport.Batch
		before func(b *bench)
	}{
		"no process": {before: func(b *bench) { b.close(b.workers[0].process) }},
		"a process that is at work": {before: func(b *bench) {
			b.arrive(broker.Low, false, calls(1, "f")...)
		}},
		"a host that stops": {before: func(b *bench) { b.do(func(*turn) { b.stopping = true }) }},
		"deliveries to come": {before: func(b *bench) {
			b.lanes[broker.Low].puller.asked = 1
			b.lanes[broker.Low].puller.expectMore()
		}},
		"a paused lane": {before: func(b *bench) {
			b.lanes[broker.Normal].paused = time.Now().Add(time.Hour)
		}},
		"another queue":   {batch: func() transport.Batch { other := one(); other.Queue = "other"; return other }},
		"a delayed task":  {batch: func() transport.Batch { later := one(); later.At = time.Now(); return later }},
		"garbage":         {batch: func() transport.Batch { return transport.Batch{Queue: "queue", Data: []byte("garbage")} }},
		"an unknown func": {before: func(b *bench) { b.handles = func(string) bool { return false } }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, Config{})
			b.attach()
			b.mate()
			if test.before != nil {
				test.before(b)
			}
			if test.batch == nil {
				test.batch = one
			}
			before := look(b, func() int { return len(b.deliveries) })
			_, ok := b.Take(test.batch())
			require.False(t, ok)
			require.Equal(t, before, look(b, func() int { return len(b.deliveries) }))
		})
	}
}

// A batch would else overtake those that were published before it.
func TestABatchFollowsThoseThatWerePublished(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	b.attach()
	b.close(b.mate().process)
	for range 2 {
		_, ok := b.Take(batchOf(calls(1, "f")...))
		require.False(t, ok)
	}
	m := b.mate()
	begins := func(after time.Duration) bool {
		return look(b, func() bool { return b.beginsAtOnce(laneID(broker.Normal), time.Now().Add(after)) })
	}
	for range 2 {
		require.False(t, begins(0))
		b.do(func(*turn) { b.direct.came(b.delivery(laneID(broker.Normal), false, calls(1, "f")...)) })
	}
	require.True(t, begins(0))

	b.do(func(*turn) { b.direct.queued, b.direct.queuedAt = 1, time.Now() })
	require.False(t, begins(0))
	require.True(t, begins(2*queueTimeout), "another host may have it")
	b.hand(batchOf(calls(1, "f")...))
	require.Len(t, m.next().tasks, 1)
}

func TestWithheldTasksDoNotBegin(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	in, m := b.attach(), b.mate()
	b.hand(batchOf(calls(4, "f")...))
	p := m.next()
	require.Equal(t, 0, m.begin(p, 0))
	m.board.Finish(p.id, 0)
	require.Equal(t, 1, m.begin(p, 0))

	started, release := b.Withhold([]uint64{0, 1, 2, 99})
	require.Equal(t, []uint64{0, 1}, started, "one has ended, and nobody was told")
	_, more := m.board.Begin(p.id, 0)
	require.False(t, more)
	require.NoError(t, m.tell(p.id, 2))
	require.Equal(t, []uint64{0, 1}, in.numbers())
	require.Equal(t, 2, b.waits(broker.Normal), "nothing becomes of them yet")
	release()
	require.Equal(t, uint64(3), m.next().tasks[0].N)
	require.Equal(t, []uint64{0, 1, 2}, in.numbers())
	require.Equal(t, codec.CodeCancelled, in.outcomes[2].Failure.Code)
}

// A client that is told of an outcome must not believe that the task had not begun.
func TestATaskWhoseOutcomeIsOnItsWayHasStarted(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	in, m := b.attach(), b.mate()
	var started []uint64
	in.before = func() {
		var release func()
		started, release = b.Withhold([]uint64{0})
		release()
	}
	b.hand(batchOf(calls(1, "f")...))
	m.rest(m.next())
	require.Equal(t, []uint64{0}, started)
}

// Nobody waits for the outcomes of a client that is closed.
func TestOutcomesOfAClosedClientAreDropped(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	in, m := b.attach(), b.mate()
	in.closed = true
	b.hand(batchOf(calls(1, "f")...))
	m.rest(m.next())
	require.Zero(t, look(b, func() int { return len(b.deliveries) + b.storing + b.sending }))
	require.Zero(t, b.handed.direct.Load())
}

// What this host does not run itself is stored.
func TestWhatWasHandedOverIsNotLost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(b *bench, m *mate, p piece){
		"the host stops": func(b *bench, m *mate, _ piece) {
			b.do(func(*turn) {
				b.stopping = true
				b.takeBackAll(m.work)
			})
		},
		"its process dies": func(b *bench, m *mate, p piece) {
			m.begin(p, 0)
			ran := b.lose(m.process, false)
			require.NotNil(b.t, ran)
			b.charge(ran)
		},
		"it waits behind long tasks": func(b *bench, m *mate, p piece) {
			d := look(b, func() *delivery { return m.work.runs[0].d })
			b.do(func(t *turn) {
				m.work.closing = true
				b.takeBackAll(m.work)
				b.giveBack(t, d)
			})
		},
		"its outcome cannot be stored": func(b *bench, m *mate, _ piece) {
			d := look(b, func() *delivery { return m.work.runs[0].d })
			b.do(func(t *turn) { b.handedOff(t, d, 1, errors.New("no room")) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, Config{})
			in, m := b.attach(), b.mate()
			b.hand(batchOf(calls(1, "f")...))
			test(b, m, m.next())
			require.Equal(t, 1, look(b, func() int { return b.storing }))
			require.Empty(t, in.numbers())
		})
	}
}
