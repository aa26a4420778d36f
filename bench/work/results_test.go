package work_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/bench/work"
)

func samples(values ...float64) []work.Sample {
	var all []work.Sample
	for round, v := range values {
		all = append(all, work.Sample{Round: round, Value: v})
	}
	return all
}

func TestSummarize(t *testing.T) {
	t.Parallel()
	require.Equal(t, work.Spread{Median: 2, Min: 1, Max: 9}, work.Summarize(samples(9, 1, 2)))
	require.Equal(t, work.Spread{Median: 3, Min: 1, Max: 9}, work.Summarize(samples(9, 1, 2, 4)))
}

// Only what was measured in the same round is divided.
func TestRatio(t *testing.T) {
	t.Parallel()
	b := []work.Sample{{Round: 2, Value: 5}, {Round: 0, Value: 2}, {Round: 1, Value: 0}}
	require.Equal(t, []work.Sample{{Round: 0, Value: 5}, {Round: 2, Value: 6}}, work.Ratio(samples(10, 20, 30, 40), b))
}

func TestGranularity(t *testing.T) {
	t.Parallel()
	curve := func(peer string, values ...float64) []work.Cell {
		var cells []work.Cell
		for i, point := range []string{"1µs", "100µs", "1ms"} {
			cells = append(cells, work.Cell{Point: point, Peer: peer, Samples: samples(values[i])})
		}
		return cells
	}
	table := work.Table{Work: "spin", Points: []string{"1µs", "100µs", "1ms"}}
	table.Cells = append(curve("between", 0.25, 0.75, 1), curve("first", 0.6, 0.9, 1)...)
	table.Cells = append(table.Cells, curve("never", 0, 0.1, 0.4)...)
	r := work.Results{Rounds: 1, Tables: []work.Table{table}}

	require.InDelta(t, 10, r.Granularity("between")[0].Value, 1e-9) // half of the way on a logarithmic axis
	require.InDelta(t, 1, r.Granularity("first")[0].Value, 1e-9)
	require.Empty(t, r.Granularity("never"))
}
