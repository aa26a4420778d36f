package scoreboard_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/scoreboard"
)

// bounds are those of tests: 1 ms, 2 ms, 3 ms and so on.
var bounds = func() (b scoreboard.Bounds) {
	for i := range b {
		b[i] = time.Duration(i+1) * time.Millisecond
	}
	return b
}()

// writer is a worker process whose clock is the test's.
type writer struct {
	*scoreboard.Journal
	slot *scoreboard.Slot
	now  time.Time
	n    uint64
}

func newWriter(t testing.TB, b *scoreboard.Board, client string, funcs ...string) *writer {
	w := &writer{Journal: b.Journal(funcs, bounds), now: time.Unix(1_700_000_000, 0)}
	w.take(t, b, client)
	return w
}

func (w *writer) take(t testing.TB, b *scoreboard.Board, client string) {
	var ok bool
	w.slot, ok = b.Take("ack", client, w.now.UnixNano(), scoreboard.MaxTasks)
	require.True(t, ok)
}

// run runs a task for so long, and then pauses.
func (w *writer) run(name string, code int, run, pause time.Duration) {
	w.slot.Start(w.Func(name), w.n, w.now.UnixNano(), 0)
	w.n++
	w.now = w.now.Add(run)
	w.slot.Finish()
	w.Ended(w.slot, code, w.now.UnixNano())
	w.now = w.now.Add(pause)
}

func TestCountsAddUp(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	require.Empty(t, supervisor.Counts())
	w := newWriter(t, open(t, f), "client", "f", "g")
	w.run("f", 0, time.Millisecond, 0)                  // up to the first bound, wait 0
	w.run("f", 3, time.Millisecond+1, 0)                // above it, wait 1 ms
	w.run("f", 3, time.Hour, 0)                         // above all, wait 2 ms and 1 ns
	w.run("g", 99, 0, 0)                                // the last code stands for it
	w.run("h", 0, -time.Second, 0)                      // no handler, and a clock that went back
	w.run("", -1, time.Millisecond*14, time.Nanosecond) // neither

	counts := map[string]scoreboard.Counts{}
	for _, c := range supervisor.Counts() {
		counts[c.Func] = c
	}
	require.Len(t, counts, 3)
	one, two, other := counts["f"], counts["g"], counts[scoreboard.Other]
	require.EqualValues(t, 3, one.Attempts())
	require.Equal(t, [scoreboard.Buckets]uint64{0: 1, 1: 1, 14: 1}, one.Run.Counts)
	require.Equal(t, uint64(time.Hour+2*time.Millisecond+1), one.Run.Sum)
	require.Equal(t, [scoreboard.Buckets]uint64{0: 2, 2: 1}, one.Wait.Counts)
	require.Equal(t, uint64(3*time.Millisecond+1), one.Wait.Sum)
	require.Equal(t, [scoreboard.Codes]uint64{3: 2}, one.Failed)
	require.EqualValues(t, 1, two.Attempts())
	require.Equal(t, [scoreboard.Codes]uint64{15: 1}, two.Failed)
	require.EqualValues(t, 2, other.Attempts())
	require.Equal(t, [scoreboard.Buckets]uint64{0: 1, 13: 1}, other.Run.Counts)
	require.Zero(t, other.Failed)
}

func TestRunningTaskIsNamed(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	worker := open(t, f)
	w := newWriter(t, worker, "k3xf9mq2l7zt4b6c", "f", "g")
	w.slot.Start(w.Func("g"), 42, w.now.UnixNano(), 0)
	d := supervisor.Deliveries()[0]
	require.True(t, d.Running())
	require.Equal(t, "k3xf9mq2l7zt4b6c", d.ClientName)
	require.EqualValues(t, 42, d.Task)
	require.Equal(t, "g", supervisor.Func(d.Func))

	w.slot.Finish()
	w.slot.Start(w.Func("unheard of"), 43, w.now.UnixNano(), 0)
	require.Equal(t, scoreboard.Other, supervisor.Func(supervisor.Deliveries()[0].Func))
	w.slot.Release()

	w.take(t, worker, strings.Repeat("c", 65))
	d = supervisor.Deliveries()[0]
	require.Empty(t, d.ClientName, "half a name is none")
	require.Equal(t, scoreboard.Client(strings.Repeat("c", 65)), d.Client)
}

func TestMoreFuncsThanFit(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	funcs := []string{strings.Repeat("n", scoreboard.MaxName+1), strings.Repeat("n", scoreboard.MaxName)}
	for i := range scoreboard.MaxNames {
		funcs = append(funcs, fmt.Sprint("f", i))
	}
	w := newWriter(t, open(t, f), "client", funcs...)
	for _, name := range funcs {
		w.run(name, 0, 0, 0)
	}
	counts := supervisor.Counts()
	require.Len(t, counts, scoreboard.MaxNames+1)
	require.Equal(t, funcs[1], counts[0].Func)
	last := counts[scoreboard.MaxNames]
	require.Equal(t, scoreboard.Other, last.Func)
	require.EqualValues(t, 2, last.Attempts(), "the one too long, and the last")
	for _, index := range []int{-1, scoreboard.MaxNames, 1 << 40} {
		require.Equal(t, scoreboard.Other, supervisor.Func(index))
	}
}

func TestScribbledNamesAreNotShown(t *testing.T) {
	t.Parallel()
	b, _ := newBoard(t)
	for _, name := range []string{"", "a b", "\x1b[2J", "a\u009bm", "\xff", "a\n"} {
		w := newWriter(t, b, name, name)
		w.run(name, 0, time.Millisecond, 0)
		require.Equal(t, scoreboard.Other, b.Func(w.Func(name)), "%q", name)
		require.Empty(t, b.Deliveries()[0].ClientName, "%q", name)
		w.slot.Release()
	}
	require.Len(t, b.Counts(), 1)
	var c scoreboard.Cursor
	for _, s := range read(t, b, &c) {
		require.Empty(t, s.Client)
	}
}
