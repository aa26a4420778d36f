package pool

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

func TestParseQueues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]Queue{
		"a":            {{Name: "a"}},
		"a,b":          {{Name: "a"}, {Name: "b"}},
		"a,b=3,c":      {{Name: "a"}, {Name: "b", Weight: 3}, {Name: "c"}},
		"b=1,a=1000":   {{Name: "b", Weight: 1}, {Name: "a", Weight: 1000}},
		" a = 2 , b-1": {{Name: "a", Weight: 2}, {Name: "b-1"}},
	} {
		got, err := ParseQueues(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		again, err := ParseQueues(codec.FormatQueues(got))
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
	for text, why := range map[string]string{
		"": "bad queue name", ",": "bad queue name", "a,": "bad queue name", "a b": "bad queue name", "=3": "bad queue name", "a.b": "bad queue name",
		"a=": "weight", "a=0": "weight", "a=-1": "weight", "a=1001": "weight", "a=1.5": "weight", "a=b": "weight", "a=1=2": "weight",
		"a,b,a": `"a" is named twice`, "a=1,a=2": "twice", "a:3": "bad queue name",
		strings.Repeat("n", 65): "bad queue name",
	} {
		_, err := ParseQueues(text)
		require.ErrorIs(t, err, ErrConfig, text)
		require.ErrorContains(t, err, why, text)
		require.Less(t, len(err.Error()), 300)
	}
	many := "q"
	for i := range maxQueues {
		many += fmt.Sprintf(",q%d", i)
	}
	_, err := ParseQueues(many)
	require.ErrorContains(t, err, "65 queues")

	for _, bad := range [][]Queue{{{Name: "a", Weight: -1}}, {{Name: "a", Weight: maxWeight + 1}}, {{}}} {
		require.ErrorIs(t, (&Config{Queues: bad}).complete(), ErrConfig)
	}
	cfg := Config{}
	require.NoError(t, cfg.complete())
	require.Equal(t, []Queue{{Name: "default"}}, cfg.Queues)
}

// queueBench returns a bench whose funcs take long, with queues.
func queueBench(t *testing.T, queues string) *bench {
	all, err := ParseQueues(queues)
	require.NoError(t, err)
	b := newBench(t, Config{Queues: all})
	b.lasts("f", 3*time.Millisecond)
	return b
}

// fill has n tasks come in a queue, each alone, and returns whose they are.
func (b *bench) fill(queue, n int, lane broker.Lane) {
	for range n {
		b.arriveIn(laneOf(queue, lane), false, calls(1, "f")...)
	}
}

// started has a process run n tasks, and returns how many of them are of each queue, and
// in which order their queues came.
func (m *mate) started(n int) (counts map[string]int, order string) {
	m.b.t.Helper()
	counts = map[string]int{}
	for range n {
		p := m.next()
		name := look(m.b, func() string { return m.b.queueOf(m.work.find(p.id).d) })
		require.Equal(m.b.t, 1, m.rest(p))
		counts[name]++
		order += name
	}
	return counts, order
}

func TestQueuesInStrictOrder(t *testing.T) {
	t.Parallel()
	b := queueBench(t, "a,b,c")
	b.fill(2, 3, broker.High)
	b.fill(1, 3, broker.Low)
	b.fill(1, 3, broker.High)
	b.fill(0, 3, broker.Low)
	m := b.mate()
	_, order := m.started(12)
	require.Equal(t, "aaabbbbbbccc", order)
}

// Between two tasks of a batch, one of a queue before it runs.
func TestATaskOfAQueueBeforeInterruptsABatch(t *testing.T) {
	t.Parallel()
	for queues, interrupts := range map[string]bool{"a,b": true, "a,b=1": false} {
		b := queueBench(t, queues)
		b.lasts("f", time.Microsecond)
		m := b.mate()
		b.arriveIn(laneOf(1, broker.High), false, calls(50, "f")...)
		p := m.next()
		m.begin(p, 0)
		b.arriveIn(laneOf(0, broker.Low), false, calls(1, "f")...)
		_, goesOn := m.board.Begin(p.id, 0)
		require.Equal(t, !interrupts, goesOn, queues)
	}
}

func TestQueuesByWeight(t *testing.T) {
	t.Parallel()
	for queues, want := range map[string]map[string]int{
		"a=3,b=1":     {"a": 75, "b": 25},
		"a,b=4":       {"a": 20, "b": 80},
		"a=6,b=3,c":   {"a": 60, "b": 30, "c": 10},
		"a=2,b=2":     {"a": 50, "b": 50},
		"a=1000,b=1":  {"a": 100, "b": 0},
		"a,b=1,c,d=1": {"a": 25, "b": 25, "c": 25, "d": 25},
	} {
		b := queueBench(t, queues)
		for queue := range b.queues {
			b.fill(queue, 100, broker.Normal)
		}
		got, _ := b.mate().started(100)
		for name, n := range want {
			require.InDelta(t, n, got[name], 2, "%s: %v", queues, got)
		}
	}
}

// A queue that had nothing to run has its share from then on, and does not make up for
// what it did not have.
func TestAQueueDoesNotMakeUpForWhatItHadNot(t *testing.T) {
	t.Parallel()
	b := queueBench(t, "a,b=1")
	b.fill(0, 200, broker.Normal)
	m := b.mate()
	m.started(100)
	b.fill(1, 100, broker.Normal)
	got, _ := m.started(50)
	require.InDelta(t, 25, got["b"], 2, got)
}

// Within a queue its lanes go one before the other, whatever the weights.
func TestLanesOfAQueueWithAWeight(t *testing.T) {
	t.Parallel()
	b := queueBench(t, "a,b=1")
	b.fill(0, 5, broker.Low)
	b.fill(0, 5, broker.High)
	b.fill(1, 10, broker.Normal)
	m := b.mate()
	var lanes []broker.Lane
	for range 20 {
		p := m.next()
		if of := look(b, func() laneID { return m.work.find(p.id).d.lane }); of.queue() == 0 {
			lanes = append(lanes, of.lane())
		}
		m.rest(p)
	}
	require.Equal(t, []broker.Lane{
		broker.High, broker.High, broker.High, broker.High, broker.High, broker.Low, broker.Low, broker.Low, broker.Low, broker.Low,
	}, lanes)
}

// What is taken back from a process does not count as started.
func TestTasksTakenBackAreNotCounted(t *testing.T) {
	t.Parallel()
	b := queueBench(t, "a,b=1")
	b.lasts("f", time.Microsecond)
	m := b.mate()
	b.arriveIn(laneOf(0, broker.Normal), false, calls(1000, "f")...)
	m.begin(m.next(), 0)
	b.scheduler.close(m.process)
	passed := look(b, func() float64 { return b.queues[0].passed })
	require.Equal(t, 1.0, passed, "one has begun")
}

// A task waits for one of a queue whose turn it is and that should be on its way, but not
// for long.
func TestATaskWaitsForTheQueueWhoseTurnItIs(t *testing.T) {
	t.Parallel()
	for queues, waits := range map[string]bool{"a,b": true, "a=1,b": true, "b,a": false, "b=1,a": false} {
		b := queueBench(t, queues)
		first, second := 0, 1
		if strings.HasPrefix(queues, "b") {
			first, second = 1, 0
		}
		m := b.mate()
		look(b, func() bool {
			b.queues[second].passed = 1
			b.lanes[laneOf(first, broker.Normal)].puller.asked = 1
			b.lanes[laneOf(first, broker.Normal)].puller.expectMore()
			return true
		})
		if queues == "b=1,a" {
			look(b, func() bool { b.queues[second].passed, b.queues[first].passed = 0, 1; return true })
		}
		b.fill(second, 1, broker.Normal)
		require.Equal(t, waits, look(b, func() bool { return b.holding }), queues)
		require.Len(t, m.next().tasks, 1, "it runs in any case")
	}
}

// The less waits before a lane, the more is pulled of it; a queue with a weight has its
// share whatever waits in others.
func TestDemandOfQueues(t *testing.T) {
	t.Parallel()
	for queues, second := range map[string]bool{"a,b": false, "a,b=1": true} {
		b := queueBench(t, queues)
		b.lasts("f", time.Microsecond)
		b.usual = time.Microsecond
		b.mate()
		b.fill(0, 2*aheadPerProcess, broker.Normal)
		require.Equal(t, second, b.lanes[laneOf(1, broker.Normal)].want.Load() > 0, queues)
		require.Zero(t, b.lanes[laneOf(0, broker.Normal)].want.Load(), queues)
	}
}

// Streams count their messages each from 1.
func TestMessagesOfTwoQueuesWithOneNumber(t *testing.T) {
	t.Parallel()
	b := queueBench(t, "a,b")
	one, other := b.delivery(laneOf(0, broker.Normal), false, calls(1, "f")...), b.delivery(laneOf(1, broker.Normal), false, calls(1, "f")...)
	other.info = one.info
	require.NotEqual(t, one.key(), other.key())
}
