package pool

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestHeartbeatFitsIntoAMessage(t *testing.T) {
	t.Parallel()
	status := codec.HostStatus{ID: "aaaaaaaa", Spans: make([]codec.Span, maxSpans)}
	for place := range maxProcesses {
		status.Processes = append(status.Processes, codec.ProcessStatus{
			Place: place, Died: &codec.ProcessDeath{Stderr: strings.Repeat("x", maxStderr)},
		})
	}
	before := math.MaxInt
	for _, limit := range []int{math.MaxInt, 5_000_000, 1 << 20, 10 << 10} {
		data, err := fit(&status, limit)
		require.NoError(t, err)
		require.LessOrEqual(t, len(data), limit)
		require.Less(t, len(data), before)
		before = len(data)
		var read codec.HostStatus
		require.NoError(t, json.Unmarshal(data, &read))
		require.Equal(t, status.ID, read.ID)
	}
	require.Empty(t, status.Processes)
}

func TestCountsTellAttemptsFailuresAndTimes(t *testing.T) {
	t.Parallel()
	s := &scheduler{funcs: map[string]*funcStats{}}
	s.stats("f").add("", time.Millisecond, 2*time.Millisecond)
	s.stats("f").add(codec.CodeError, time.Millisecond, 2*time.Millisecond)
	s.stats("f").add(codec.CodeWorkerDied, time.Millisecond, 3*time.Millisecond)
	s.stats("g").add(codec.CodeWorkerDied, 0, 0)
	s.stats("looked up")

	all, _ := s.totals()
	require.Len(t, all, 2)
	f := all["f"]
	require.EqualValues(t, 3, f.Attempts)
	require.Equal(t, map[codec.Code]uint64{codec.CodeError: 1, codec.CodeWorkerDied: 1}, f.Failed)
	require.EqualValues(t, 3, f.Run.Counts[3], "up to 5 ms")
	require.EqualValues(t, 3, f.Wait.Counts[2], "a bound belongs to what is below it")
	require.InDelta(t, 0.007, f.Run.Sum, 1e-9)
	require.InDelta(t, 0.003, f.Wait.Sum, 1e-9)
	require.EqualValues(t, 1, all["g"].Attempts)
}

func TestAHistogramHasAPlaceForEveryDuration(t *testing.T) {
	t.Parallel()
	var h codec.Histogram
	for _, bound := range codec.HistogramBounds {
		observe(&h, bound)
		observe(&h, bound+1)
	}
	observe(&h, 0)
	want := codec.Histogram{Sum: h.Sum}
	for i := range want.Counts {
		want.Counts[i] = 2 // its own bound, and what is just above the one before
	}
	want.Counts[len(want.Counts)-1] = 1
	require.Equal(t, want, h)
}

func TestCountsAreBounded(t *testing.T) {
	t.Parallel()
	s := &scheduler{funcs: map[string]*funcStats{}}
	for i := range 3 * maxFuncs {
		s.stats(fmt.Sprint("f", i)).add(codec.CodeWorkerDied, 0, 0)
	}
	all, _ := s.totals()
	require.Len(t, all, maxFuncs+1)
	require.EqualValues(t, 2*maxFuncs, all[codec.OtherFuncs].Attempts)
	require.EqualValues(t, 2*maxFuncs, all[codec.OtherFuncs].Failed[codec.CodeWorkerDied])
	s.stats("f0").add("", 0, 0)
	all, _ = s.totals()
	require.EqualValues(t, 2, all["f0"].Attempts, "a func that is known is counted on")
}

// attempts notes attempts at tasks of a process one after the other.
type attempts struct {
	s     *scheduler
	w     *worker
	d     *delivery
	n     uint64
	clock time.Time
}

func newAttempts(t *testing.T) *attempts {
	a := &attempts{
		s: &scheduler{funcs: map[string]*funcStats{}, watched: time.Now().Add(time.Hour)},
		w: &worker{process: &process{osProcess: someProcess(t), slot: 3}},
		d: &delivery{batch: &codec.TaskList{Client: "client"}}, clock: time.Now(),
	}
	return a
}

// note notes an attempt that begins so long after the last one ended.
func (a *attempts) note(name string, code codec.Code, gap, run time.Duration) {
	a.n++
	began := a.clock.Add(gap)
	a.clock = began.Add(run)
	a.s.note(a.w, a.d, a.n, name, code, began, run)
}

func TestShortAttemptsInARowAreOneSpan(t *testing.T) {
	t.Parallel()
	a := newAttempts(t)
	const short = shortSpan / 2
	for range 10 {
		a.note("f", "", 0, short)
	}
	a.note("g", "", 0, short)
	a.note("f", "", 0, short)
	a.note("f", "", maxGap+1, short)
	spans := a.s.takeSpans()
	require.Len(t, spans, 4, "another func, the same one again, and a gap begin one")
	first := spans[0]
	require.Equal(t, 10, first.Count)
	require.Equal(t, "client-10", first.Task, "the last one's")
	require.Equal(t, 10*short, first.End.Sub(first.Start))
	require.Equal(t, 3, first.Place)
	require.Equal(t, a.w.PID(), first.PID)
	require.Equal(t, []string{"f", "g", "f", "f"}, []string{spans[0].Func, spans[1].Func, spans[2].Func, spans[3].Func})

	for range int(3 * maxSpan / short) {
		a.note("f", "", 0, short)
	}
	spans = a.s.takeSpans()
	require.Len(t, spans, 3, "a span has an end")
	for _, span := range spans {
		require.LessOrEqual(t, span.End.Sub(span.Start), maxSpan+short)
	}
}

func TestLongAndFailedAttemptsAreSpansOfTheirOwn(t *testing.T) {
	t.Parallel()
	a := newAttempts(t)
	a.note("f", "", 0, 0)
	a.note("f", "", 0, shortSpan)
	a.note("f", "", 0, shortSpan)
	a.note("f", "", 0, 0)
	a.note("f", codec.CodeError, 0, 0)
	a.note("f", codec.CodeError, 0, 0)
	a.note("f", "", 0, 0)
	a.note("f", "", 0, 0)
	spans := a.s.takeSpans()
	require.Len(t, spans, 7)
	for i, span := range spans {
		require.Equal(t, i == 4 || i == 5, span.Failed == codec.CodeError, "span %d", i)
		require.Equal(t, 1+i/6, span.Count, "span %d", i)
	}
}

func TestSpansAreBoundedAndTakenOnce(t *testing.T) {
	t.Parallel()
	a := newAttempts(t)
	for range maxSpans + 10 {
		a.note("f", "", 0, shortSpan)
	}
	a.note("f", "", 0, 0)
	require.Len(t, a.s.takeSpans(), maxSpans)
	require.Empty(t, a.s.takeSpans())

	a.note("f", "", 0, 0)
	require.Len(t, a.s.takeSpans(), 1)
	a.note("f", "", 0, 0) // the span that it would grow is gone
	require.Len(t, a.s.takeSpans(), 1)
	require.EqualValues(t, maxSpans+13, a.s.stats("f").count.Attempts)
}

func TestNobodyWatchesAndThereAreNoSpans(t *testing.T) {
	t.Parallel()
	a := newAttempts(t)
	a.note("f", "", 0, shortSpan)
	a.s.watchedUntil(time.Now().Add(-time.Second))
	a.note("f", "", 0, shortSpan)
	require.Empty(t, a.s.takeSpans())
	require.Empty(t, a.s.spans)
	require.EqualValues(t, 2, a.s.stats("f").count.Attempts)
}

func TestSlotsHaveTheLowestNumbers(t *testing.T) {
	t.Parallel()
	s := &Supervisor{}
	for _, want := range []int{0, 1, 2} {
		require.Equal(t, want, s.freeNumber())
		s.slots = append(s.slots, &slot{number: want})
	}
	s.slots = append(s.slots[:1], s.slots[2:]...)
	require.Equal(t, 1, s.freeNumber())
}
