package pool

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/scoreboard"
)

func TestIdleProcessesShareABatchEvenly(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	mates := make([]*mate, 64)
	for i := range mates {
		mates[i] = b.mate()
	}
	b.arrive(broker.Normal, false, calls(1024, "f")...)
	for i, m := range mates {
		p := m.next()
		require.Len(t, p.tasks, 16, "process %d", i)
		require.Equal(t, 16*i, p.first(), "process %d", i)
	}
	require.Zero(t, b.waits(broker.Normal))
}

func TestRunsOfShortTasksGrow(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	b.arrive(broker.Normal, false, calls(2*maxUnknown+maxRunTasks+1, "f")...)
	first, second := m.next(), m.next()
	require.Len(t, first.tasks, maxUnknown)
	require.Len(t, second.tasks, maxUnknown, "nobody knows yet")
	m.rest(first)
	require.Len(t, m.next().tasks, min(maxRunTasks, int(runTime/time.Microsecond)), "a microsecond each")
}

func TestARunOfLongTasksHasOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	b.lasts("f", time.Second)
	m, n := b.mate(), b.mate()
	b.arrive(broker.Normal, false, calls(2, "f")...)
	require.Len(t, m.next().tasks, 1)
	require.Len(t, n.next().tasks, 1)
}

func TestTheBytesOfARunAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	b.lasts("f", time.Microsecond)
	m := b.mate()
	tasks := calls(100, "f")
	for i := range tasks {
		tasks[i].Arg = make([]byte, maxRunBytes/16)
	}
	tasks[32].Arg = make([]byte, 2*maxRunBytes)
	b.arrive(broker.Normal, false, tasks...)
	for _, want := range []int{16, 16, 1, 16} {
		p := m.next()
		require.Len(t, p.tasks, want)
		require.Equal(t, want, m.rest(p))
	}
}

func TestAnIdleProcessStealsHalfOfWhatHasNotBegun(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	b.arrive(broker.Normal, false, calls(64, "f")...)
	p := m.next()
	for range 4 {
		m.board.Finish(p.id, m.begin(p, 0))
	}
	thief := b.mate()
	stolen := thief.next()
	require.Equal(t, 34, stolen.first())
	require.Len(t, stolen.tasks, 30)
	require.Equal(t, 34, m.has())
	for i := 4; i < 34; i++ {
		require.Equal(t, i, m.begin(p, 0))
		m.board.Finish(p.id, i)
	}
	_, more := m.board.Begin(p.id, 0)
	require.False(t, more, "it may begin what was stolen")
}

func TestARunThatAProcessHasNotComeToIsStolenFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	b.lasts("f", runTime/100)
	m := b.mate()
	b.arrive(broker.Normal, false, calls(200, "f")...)
	first, second := m.next(), m.next()
	require.Len(t, first.tasks, 100)
	require.Len(t, second.tasks, 100)
	m.begin(first, 0)
	stolen := b.mate().next()
	require.GreaterOrEqual(t, stolen.first(), second.first())
	require.Equal(t, 200-len(stolen.tasks), m.has())
	for i := 1; i < 100; i++ {
		m.board.Finish(first.id, i-1)
		require.Equal(t, i, m.begin(first, 0), "of the run at work nothing is gone")
	}
}

func TestATaskGoesToOneProcess(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	mates := make([]*mate, 8)
	for i := range mates {
		mates[i] = b.mate()
	}
	b.arrive(broker.Normal, false, calls(1, "f")...)
	require.Equal(t, 1, mates[0].has())
	for _, m := range mates[1:] {
		require.Zero(t, look(b, func() uint64 { return m.work.lastRun }), "it was sent to several")
	}
	// Unless the process does not come to it.
	look(b, func() bool { mates[0].work.runs[0].given = time.Time{}; return true })
	b.do(func(*turn) {})
	require.Equal(t, 1, mates[1].has())
	require.Zero(t, mates[0].has())
	require.Zero(t, mates[0].rest(mates[0].next()))
}

func TestAllIsStolenFromBehindALongTask(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	b.arrive(broker.Normal, false, calls(64, "f")...)
	p := m.next()
	m.begin(p, time.Second)
	stolen := b.mate().next()
	require.Equal(t, 1, stolen.first())
	require.Len(t, stolen.tasks, 63)
	require.Equal(t, 1, m.has())
	require.NoError(t, m.tell(p.id, 1))
	require.ErrorIs(t, m.tell(p.id, 1), errGarbage)
}

func TestAChunkThatHasBegunIsNotDivided(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	b.arrive(broker.Normal, true, calls(1000, "f")...)
	p := m.next()
	require.Len(t, p.tasks, 1000, "it is one run")
	m.begin(p, time.Second)
	thief := b.mate()
	b.do(b.look)
	require.Zero(t, thief.has())
	require.Equal(t, 1000, m.has())
	m.board.Finish(p.id, 0)
	require.NoError(t, m.tell(p.id, 1))
	m.quiet()
	b.do(b.look)
	require.Zero(t, thief.has(), "it may be slow to begin the next")
	require.Equal(t, 999, m.rest(p))
	require.Zero(t, m.has())
}

func TestAProcessThatHasJustSentOutcomesIsNotSilent(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	b.lasts("f", time.Microsecond)
	b.arrive(broker.Normal, false, calls(100, "f")...)
	p := m.next()
	m.quiet()
	m.begin(p, 0)
	m.board.Finish(p.id, 0)
	require.NoError(t, m.tell(p.id, 1))
	b.do(b.look)
	require.Equal(t, 99, m.has(), "however long ago it got the run")
	m.quiet()
	b.do(b.look)
	require.Zero(t, m.has())
}

// age has it be so long ago that the process got its run, which has not waited before.
func (m *mate) age(ago time.Duration) {
	look(m.b, func() bool {
		r := m.work.runs[0]
		r.given, r.since = time.Now().Add(-ago), time.Now().Add(time.Hour)
		return true
	})
}

// A large argument may take longer to get to a process than one is waited for.
func TestAProcessThatIsSlowToBeginGetsMoreTimeEachTime(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	b.arrive(broker.Normal, false, calls(1, "f")...)
	for n := range 2 * maxDoubts {
		patience := look(b, func() time.Duration { return m.work.patience(silentAfter) })
		require.Equal(t, silentAfter<<min(n, maxDoubts), patience)
		m.age(patience)
		b.do(b.look)
		require.Zero(t, m.has())
		b.heard(m.process)
		require.Equal(t, 1, m.has(), "it gets it again")
	}
	run := look(b, func() uint64 { return m.work.runs[0].id })
	m.begin(piece{id: run}, 0)
	m.board.Finish(run, 0)
	require.NoError(t, m.tell(run, 1))
	require.Zero(t, look(b, func() int { return m.work.doubts }), "it was slow, that is all")
}

// A task that two processes take from each other would not begin.
func TestATaskIsNotStolenToAndFroWithoutEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	one, other := b.mate(), b.mate()
	b.arrive(broker.Normal, false, calls(1, "f")...)
	if one.has() == 0 {
		one, other = other, one
	}
	for n := range 6 {
		patience := look(b, func() time.Duration { return one.work.patience(giveBackAfter) })
		require.Equal(t, giveBackAfter<<(n/2), patience)
		one.age(-time.Hour)
		b.do(func(*turn) {})
		require.Equal(t, 1, one.has())
		one.age(patience)
		b.do(func(*turn) {})
		require.Zero(t, one.has())
		require.Equal(t, 1, other.has())
		one, other = other, one
	}
}

func TestAChunkThatHasNotBegunIsStolenWhole(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	b.arrive(broker.Normal, true, calls(1000, "f")...)
	p := m.next()
	look(b, func() bool { m.work.runs[0].given = time.Now().Add(time.Hour); return true })
	thief := b.mate()
	require.Zero(t, thief.has(), "the process is about to begin it")
	look(b, func() bool { m.work.runs[0].given = time.Time{}; return true })
	b.do(func(*turn) {})
	require.Len(t, thief.next().tasks, 1000)
	_, ok := m.board.Begin(p.id, 0)
	require.False(t, ok)
	require.Zero(t, m.has())
}

func TestAMoreUrgentTaskIsTheNextOneThatRuns(t *testing.T) {
	t.Parallel()
	for _, chunk := range []bool{false, true} {
		b := newBench(t, Config{})
		m := b.mate()
		less := b.arrive(broker.Normal, chunk, calls(50, "f")...)
		p := m.next()
		m.begin(p, 0)
		urgent := b.arrive(broker.High, false, calls(1, "g")...)
		_, ok := m.board.Begin(p.id, 0)
		require.False(t, ok, "the batch goes on before the more urgent task")
		m.board.Finish(p.id, 0)
		require.NoError(t, m.tell(p.id, 1))

		next := m.next()
		require.Equal(t, urgent.batch.N(0), next.tasks[0].N)
		require.Len(t, next.tasks, 1)
		m.rest(next)
		rest := m.next()
		require.Equal(t, less.batch.N(1), rest.tasks[0].N)
	}
}

func TestAProcessIsGivenNoMoreThanMaxTasks(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{MaxTasks: 10})
	m := b.mate()
	for range 4 {
		b.arrive(broker.Normal, false, calls(4, "f")...)
	}
	total := 0
	for _, want := range []int{4, 4, 2} {
		p := m.next()
		require.Len(t, p.tasks, want)
		total += m.rest(p)
	}
	require.Equal(t, 10, total)
	f, err := m.far.Receive()
	require.NoError(t, err)
	require.Equal(t, link.KindOrder, f.Kind)
	require.Contains(t, string(f.Payload), consumer.LeavingTasks)
	require.Zero(t, m.has())
	require.Equal(t, 6, b.waits(broker.Normal))
	require.Len(t, b.mate().next().tasks, 2, "the next process goes on")
}

func TestCancelledAndExpiredTasksAreNotSent(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	tasks := calls(10, "f")
	tasks[0].Deadline = time.Now().Add(-time.Second)
	d := b.delivery(laneID(broker.Normal), false, tasks...)
	id := func(index int) codec.ID { return codec.ID{Client: "client", N: d.batch.N(index)} }
	b.cancel([]codec.ID{id(4)})
	m := b.mate()
	b.do(func(t *turn) {
		b.deliveries[d.key()] = d
		b.wait(span{d: d, to: 10, since: t.now}, false)
	})
	first := m.next()
	require.Equal(t, 1, first.first())
	require.Len(t, first.tasks, 3)
	second := m.next()
	require.Equal(t, 5, second.first())
	require.Len(t, second.tasks, 5)

	m.begin(second, 0)
	b.cancel([]codec.ID{id(5), id(7)}) // one runs, one does not
	m.board.Finish(second.id, 0)
	require.NoError(t, m.tell(second.id, 1))
	require.Equal(t, 3, m.rest(first))
	for _, want := range []int{6, 8} {
		p := m.next()
		require.Equal(t, want, p.first())
		m.rest(p)
	}
	counted, _ := b.totals()
	require.Equal(t, map[codec.Code]uint64{codec.CodeExpired: 1, codec.CodeCancelled: 2}, counted["f"].Failed)
	require.EqualValues(t, 10, counted["f"].Attempts)
}

func TestOfAProcessThatDiesOnlyTheRunningTaskIsInDoubt(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	d := b.arrive(broker.Normal, false, calls(100, "f")...)
	first, second := m.next(), m.next()
	for range 3 {
		m.board.Finish(first.id, m.begin(first, 0))
	}
	require.NoError(t, m.tell(first.id, 2))
	require.Equal(t, 3, m.begin(first, time.Second))
	later := b.delivery(laneID(broker.Normal), false, calls(1, "f")...)
	b.do(func(*turn) {
		b.wait(span{d: later, to: 1}, false)
		m.work.closing = true
		b.takeBackAll(m.work)
	})

	ran := b.lose(m.process, false)
	require.NotNil(t, ran)
	require.Equal(t, runIndex{first.id, 3}, ran.runIndex)
	require.Equal(t, d.batch.N(3), ran.task.N)
	require.Nil(t, b.lose(m.process, false), "a process dies once")
	require.Equal(t, 100-2-1+1, b.waits(broker.Normal))
	require.Equal(t, 1, look(b, func() int { return d.running }))

	other := b.mate()
	var order []int
	for len(order) < 97 {
		p := other.next()
		for i := range p.tasks {
			order = append(order, int(p.tasks[i].N-d.batch.N(0)))
		}
		other.rest(p)
	}
	want := []int{2} // it has ended, and nobody has heard what it came to
	for i := 4; i < 100; i++ {
		want = append(want, i)
	}
	require.Equal(t, want, order)
	require.Equal(t, later.batch.N(0), other.next().tasks[0].N, "it has waited for less long")
	require.Equal(t, 64, second.first())

	b.rerun(ran)
	require.Equal(t, d.batch.N(3), other.next().tasks[0].N)
}

func TestARunIsNotGivenThePlaceOfAnother(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	b.arrive(broker.Normal, false, calls(1, "f")...)
	stays := m.next()
	seen := map[uint64]bool{stays.id: true}
	for range 10 * scoreboard.Runs {
		b.arrive(broker.Normal, false, calls(1, "f")...)
		p := m.next()
		require.NotEqual(t, stays.id%scoreboard.Runs, p.id%scoreboard.Runs)
		require.False(t, seen[p.id], "a number comes twice")
		seen[p.id] = true
		require.Equal(t, 1, m.rest(p))
	}
	require.Equal(t, 1, m.rest(stays))
}

// What a stopped process was sent may be taken back at once, again and again. It must
// not find more runs than it has room for when it goes on.
func TestAProcessThatComesToNothingIsSentFewRuns(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	for range consumer.MaxRuns {
		d := b.arrive(broker.Normal, false, calls(1, "f")...)
		b.do(func(t *turn) {
			b.takeBackAll(m.work)
			b.removeWaiting(d)
		})
	}
	require.EqualValues(t, maxSent, look(b, func() uint64 { return m.work.lastRun }))
	require.Zero(t, m.has())

	b.do(b.look)
	for range maxSent {
		m.next()
	}
	require.NoError(t, m.far.Socket().SetReadDeadline(time.Now().Add(hangs)))
	f, err := m.far.Receive()
	require.NoError(t, err)
	require.Equal(t, link.KindOrder, f.Kind, "it is asked for a sign of life")
	b.heard(m.process)
	b.arrive(broker.Normal, false, calls(1, "f")...)
	require.Equal(t, 1, m.rest(m.next()))
	require.Zero(t, look(b, func() int { return m.work.sent }))
}
