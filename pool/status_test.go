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
	"github.com/musterfleet/muster/internal/scoreboard"
)

func TestHeartbeatFitsIntoAMessage(t *testing.T) {
	t.Parallel()
	status := codec.HostStatus{ID: "aaaaaaaa", Spans: make([]codec.Span, mostSpans)}
	for place := range maxProcesses {
		status.Processes = append(status.Processes, codec.ProcessStatus{
			Place: place, Died: &codec.ProcessDeath{Stderr: strings.Repeat("x", mostStderr)},
		})
	}
	before := math.MaxInt
	for _, most := range []int{math.MaxInt, 5_000_000, 1 << 20, 10 << 10} {
		data, err := fit(&status, most)
		require.NoError(t, err)
		require.LessOrEqual(t, len(data), most)
		require.Less(t, len(data), before)
		before = len(data)
		var read codec.HostStatus
		require.NoError(t, json.Unmarshal(data, &read))
		require.Equal(t, status.ID, read.ID)
	}
	require.Empty(t, status.Processes)
}

func TestCountsOfBoardsAndDeaths(t *testing.T) {
	t.Parallel()
	b, f, err := scoreboard.New()
	require.NoError(t, err)
	defer f.Close()
	defer b.Close()
	j := b.Journal([]string{"f"}, codec.HistogramBounds)
	s, ok := b.Take("ack", "client", 0, 10)
	require.True(t, ok)
	for code := range scoreboard.Codes {
		s.Start(j.Func("f"), 1, int64(time.Millisecond), 0)
		j.Ended(s, code, int64(3*time.Millisecond))
	}
	all := counts{}
	all.addBoard(b)
	all.addBoard(b)
	all.addDeath("f", codec.CodeWorkerDied, time.Millisecond, 2*time.Millisecond)

	c := all["f"]
	require.EqualValues(t, 2*scoreboard.Codes+1, c.Attempts)
	require.EqualValues(t, c.Attempts, c.Run.Counts[3], "up to 5 ms")
	require.EqualValues(t, c.Attempts, c.Wait.Counts[2], "a bound belongs to what is below it")
	require.InDelta(t, float64(c.Attempts)*0.002, c.Run.Sum, 1e-9)
	require.EqualValues(t, 3, c.Failed[codec.CodeWorkerDied])
	unknown := scoreboard.Codes - 1 - len(codec.Codes)
	require.EqualValues(t, 2+2*unknown, c.Failed[codec.CodeError])
	for _, code := range codec.Codes[1:] {
		require.Positive(t, c.Failed[code], code)
	}
}

func TestCountsAreBounded(t *testing.T) {
	t.Parallel()
	all := counts{}
	for i := range 3 * mostFuncs {
		all.addDeath(fmt.Sprint("f", i), codec.CodeWorkerDied, 0, 0)
	}
	require.Len(t, all, mostFuncs+1)
	require.EqualValues(t, 2*mostFuncs, all[scoreboard.Other].Attempts)
}

func TestPlacesHaveTheLowestNumbers(t *testing.T) {
	t.Parallel()
	s := &Supervisor{}
	for _, want := range []int{0, 1, 2} {
		require.Equal(t, want, s.freeNumber())
		s.places = append(s.places, &place{number: want})
	}
	s.places = append(s.places[:1], s.places[2:]...)
	require.Equal(t, 1, s.freeNumber())
}
