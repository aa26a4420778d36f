package scoreboard_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/scoreboard"
)

const ms = time.Millisecond

func TestLongAttemptsAreSpansOfTheirOwn(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	w := newWriter(t, open(t, f), "client", "f", "g")
	var c scoreboard.Cursor
	require.Empty(t, read(t, supervisor, &c))
	start := w.now
	w.run("f", 0, 2*ms, 0)
	w.run("f", 0, 3*ms, ms)
	w.run("g", 5, 10, 0) // short, but failed
	require.Equal(t, []scoreboard.Span{
		{Func: 0, Client: "client", Task: 0, Count: 1, Start: start, End: start.Add(2 * ms)},
		{Func: 0, Client: "client", Task: 1, Count: 1, Start: start.Add(2 * ms), End: start.Add(5 * ms)},
		{Func: 1, Code: 5, Client: "client", Task: 2, Count: 1, Start: start.Add(6 * ms), End: start.Add(6*ms + 10)},
	}, read(t, supervisor, &c))
	require.Empty(t, read(t, supervisor, &c), "each is told once")
}

func TestShortAttemptsGoTogether(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	worker := open(t, f)
	w := newWriter(t, worker, "one", "f", "g")
	var c scoreboard.Cursor
	start := w.now
	for range 10 {
		w.run("f", 0, 10, 90)
	}
	w.take(t, worker, "two")
	w.run("f", 0, 10, 90)
	first := scoreboard.Span{Client: "two", Task: 10, Count: 11, Start: start, End: w.now.Add(-90)}
	require.Equal(t, []scoreboard.Span{first}, read(t, supervisor, &c))

	// It goes on after it was read, and what is new is told.
	w.run("f", 0, 10, 90)
	w.run("f", 0, 10, 90)
	require.Equal(t, []scoreboard.Span{
		{Client: "two", Task: 12, Count: 2, Start: first.End, End: w.now.Add(-90)},
	}, read(t, supervisor, &c))
	require.Empty(t, read(t, supervisor, &c))

	counts := func() (all []int) {
		for _, s := range read(t, supervisor, &c) {
			all = append(all, s.Count)
		}
		return all
	}
	w.run("f", 0, 10, 0)
	w.run("g", 0, 10, 0)
	w.run("g", 0, 10, 0)
	w.run("f", 0, 10, 0)
	require.Equal(t, []int{1, 2, 1}, counts(), "another func is another span")
	w.run("f", 0, 10, time.Second)
	w.run("f", 0, 10, 0)
	require.Equal(t, []int{1, 1}, counts(), "a gap is between spans")
	for range 1000 {
		w.run("f", 0, 1000, 99_000) // 100 ms in all
	}
	require.Len(t, counts(), 2, "a span has an end")
}

func TestReaderKnowsThatItMissedSpans(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	w := newWriter(t, open(t, f), "client", "f")
	var c, late scoreboard.Cursor
	for range 256 {
		w.run("f", 0, ms, 0)
	}
	require.Len(t, read(t, supervisor, &c), 256, "all that fit are there")
	for range 300 {
		w.run("f", 0, ms, 0)
	}
	spans, missed := supervisor.Spans(&c)
	require.Len(t, spans, 256)
	require.EqualValues(t, w.n-1, spans[255].Task)
	require.InDelta(t, 44, missed, 1)
	spans, missed = supervisor.Spans(&late)
	require.Len(t, spans, 256)
	require.EqualValues(t, 300, missed)
}

func TestSkippedSpans(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	w := newWriter(t, open(t, f), "client", "f")
	var c scoreboard.Cursor
	supervisor.Skip(&c)
	for range 1000 {
		w.run("f", 0, ms, 0)
	}
	w.run("f", 0, 1, 0)
	supervisor.Skip(&c)
	w.run("f", 0, 1, 0)
	w.run("f", 0, ms, 0)
	spans := read(t, supervisor, &c)
	require.Len(t, spans, 2)
	require.Equal(t, 1, spans[0].Count)
}

func read(t testing.TB, b *scoreboard.Board, c *scoreboard.Cursor) []scoreboard.Span {
	t.Helper()
	spans, missed := b.Spans(c)
	require.Zero(t, missed)
	return spans
}

// A reader that is quick enough sees each attempt once, while they end.
func TestReaderBesideTheWriter(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	worker := open(t, f)
	w := newWriter(t, worker, "even", "even", "odd")
	const rounds = 200
	turn, taken := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(turn)
		for round := range rounds {
			w.slot.Release()
			w.take(t, worker, [...]string{"even", "odd"}[round%2])
			for range 500 {
				w.run([...]string{"even", "odd"}[round%2], 0, 1, 1)
			}
			turn <- struct{}{}
			<-taken
		}
	})
	stop := make(chan struct{})
	wg.Go(func() { // in its way
		for {
			select {
			case <-stop:
				return
			default:
				var c scoreboard.Cursor
				for _, s := range first(supervisor.Spans(&c)) {
					whole(t, s)
				}
				supervisor.Counts()
			}
		}
	})
	var c scoreboard.Cursor
	total := 0
	for range turn {
		for _, s := range read(t, supervisor, &c) {
			whole(t, s)
			total += s.Count
		}
		taken <- struct{}{}
	}
	close(stop)
	wg.Wait()
	require.Equal(t, rounds*500, total)
	require.Len(t, supervisor.Counts(), 2)
	for _, c := range supervisor.Counts() {
		require.EqualValues(t, rounds*250, c.Attempts())
	}
}

func first(spans []scoreboard.Span, _ uint64) []scoreboard.Span { return spans }

// whole checks that a span is not two halves: the client has the name of the func.
func whole(t *testing.T, s scoreboard.Span) {
	if s.Client != [...]string{"even", "odd"}[s.Func%2] {
		t.Errorf("torn: %+v", s)
	}
}
