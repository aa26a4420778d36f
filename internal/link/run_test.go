package link_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/link"
)

var at = time.Unix(1_700_000_000, 123_456_789)

func TestRunReadsBack(t *testing.T) {
	t.Parallel()
	for _, r := range []link.Run{
		{Stored: time.Unix(0, 0), Batch: []byte{}},
		{ID: 1, Message: 2, Queue: 3, Stored: at, Batch: []byte("batch")},
		{ID: math.MaxUint64, Message: math.MaxUint64, Queue: 255, Stored: time.Unix(0, -1), Batch: random(1, 100_000)},
	} {
		data := link.AppendRun([]byte("before"), &r, bytesOf(r.Batch))
		require.Equal(t, "before", string(data[:6]))
		got, err := link.ReadRun(data[6:])
		require.NoError(t, err)
		require.Equal(t, r, got)
	}
}

func TestShortRunDoesNotRead(t *testing.T) {
	t.Parallel()
	whole := link.AppendRun(nil, &link.Run{ID: 1, Stored: at}, bytesOf(nil))
	for size := range whole {
		_, err := link.ReadRun(whole[:size])
		require.ErrorIs(t, err, link.ErrProtocol)
	}
}

// outcomes reads a payload of outcomes.
func outcomes(data []byte) (run uint64, all []link.Outcome, err error) {
	r, err := link.ReadOutcomes(data)
	if err != nil {
		return 0, nil, err
	}
	for {
		var o link.Outcome
		more, err := r.Next(&o)
		if err != nil || !more {
			return r.Run, all, err
		}
		all = append(all, o)
	}
}

func appendAll(dst []byte, run uint64, base time.Time, all []link.Outcome) []byte {
	dst = link.AppendOutcomes(dst, run, base)
	for i := range all {
		dst = link.AppendOutcome(dst, base, &all[i])
	}
	return dst
}

func TestOutcomesReadBack(t *testing.T) {
	t.Parallel()
	want := []link.Outcome{
		{Status: link.StatusValue, Started: at, Body: []byte{}},
		{Status: link.StatusFailure, Started: at.Add(1), Run: 1, Body: []byte("failure")},
		{Status: link.StatusFinal, Started: at.Add(time.Hour), Run: time.Minute, Body: random(1, 200)},
		{Status: link.StatusObject, Started: at.Add(24 * time.Hour), Run: 24 * time.Hour, Body: random(2, 100_000)},
		{Status: link.StatusValue, Started: at, Body: []byte{}},
	}
	for count := range len(want) + 1 {
		data := appendAll([]byte("before"), 1<<63+5, at, want[:count])
		require.Equal(t, "before", string(data[:6]))
		run, got, err := outcomes(data[6:])
		require.NoError(t, err)
		require.Equal(t, uint64(1<<63+5), run)
		require.Len(t, got, count)
		for i := range got {
			require.Equal(t, want[i], got[i])
		}
	}
}

// Clocks go back, and a number may be anything.
func TestTimesOfOutcomesAreWithinBounds(t *testing.T) {
	t.Parallel()
	_, got, err := outcomes(appendAll(nil, 1, at, []link.Outcome{
		{Started: at.Add(-time.Hour), Run: -time.Hour},
		{Started: at.Add(math.MaxInt64), Run: math.MaxInt64},
	}))
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, at, got[0].Started)
	require.Zero(t, got[0].Run)
	const years = 10 * 365 * 24 * time.Hour
	require.Equal(t, at.Add(years), got[1].Started)
	require.Equal(t, years, got[1].Run)
}

func TestMalformedOutcomesDoNotRead(t *testing.T) {
	t.Parallel()
	head := link.AppendOutcomes(nil, 1, at)
	for size := range head {
		_, _, err := outcomes(head[:size])
		require.ErrorIs(t, err, link.ErrProtocol)
	}
	long := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	for name, tail := range map[string][]byte{
		"status alone":       {0},
		"other status":       {4, 0, 0, 0},
		"no size":            {0, 0, 0},
		"body is missing":    {0, 0, 0, 1},
		"body is cut":        {0, 0, 0, 3, 'a', 'b'},
		"greatest size":      {0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"number is cut":      {0, 0x80},
		"start is no number": append([]byte{0}, long...),
		"run is no number":   append([]byte{0, 0}, long...),
		"size is no number":  append([]byte{0, 0, 0}, long...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := appendAll(nil, 1, at, []link.Outcome{{Started: at, Body: []byte("x")}})
			_, got, err := outcomes(append(before, tail...))
			require.ErrorIs(t, err, link.ErrProtocol)
			require.Len(t, got, 1, "the outcome before reads")
		})
	}
}

// A body that is appended to does not write over the next outcome.
func TestBodiesAreApart(t *testing.T) {
	t.Parallel()
	r, err := link.ReadOutcomes(appendAll(nil, 1, at, []link.Outcome{
		{Started: at, Body: []byte("one")}, {Started: at, Body: []byte("two")},
	}))
	require.NoError(t, err)
	var o link.Outcome
	for _, want := range []string{"one", "two"} {
		more, err := r.Next(&o)
		require.NoError(t, err)
		require.True(t, more)
		require.Equal(t, want, string(o.Body))
		_ = append(o.Body, 0xff, 0xff)
	}
}

func TestValueReadsBack(t *testing.T) {
	t.Parallel()
	for _, v := range []link.Value{
		{},
		{Task: 1, Run: 2, Index: 3, Size: 4, Text: "object"},
		{Task: math.MaxUint64, Run: math.MaxUint64, Index: math.MaxUint64, Size: math.MaxUint64, Text: "what went wrong\n", Code: "argument"},
		{Code: string(random(1, 300))},
	} {
		data := link.AppendValue([]byte("before"), &v)
		require.Equal(t, "before", string(data[:6]))
		got, err := link.ReadValue(data[6:])
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
}

func TestMalformedValueDoesNotRead(t *testing.T) {
	t.Parallel()
	whole := link.AppendValue(nil, &link.Value{Code: string(random(1, 300))})
	for size := range whole {
		_, err := link.ReadValue(whole[:size])
		require.ErrorIs(t, err, link.ErrProtocol)
	}
	_, err := link.ReadValue(append(make([]byte, 32), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	require.ErrorIs(t, err, link.ErrProtocol)
}
