package chaos

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

func TestSeedAloneMakesThePlan(t *testing.T) {
	t.Parallel()
	require.Equal(t, drawPlan(42, 500).String(), drawPlan(42, 500).String())
	require.NotEqual(t, drawPlan(42, 500).String(), drawPlan(43, 500).String())
	counts := map[*kind]int{killWorker: 30, killBroker: 3}
	require.Equal(t, drawCounts(42, counts).String(), drawCounts(42, counts).String())
	for n := range 1000 {
		require.Equal(t, drawJob(42, n, true), drawJob(42, n, true))
	}
}

func TestPlanHasEveryKindInOrder(t *testing.T) {
	t.Parallel()
	drawn := map[*kind]int{}
	before := 0.0
	for _, f := range drawPlan(1, 1000) {
		drawn[f.kind]++
		require.GreaterOrEqual(t, f.at, before)
		require.Less(t, f.lasts, f.kind.most+1)
		before = f.at
	}
	require.Len(t, drawn, len(kinds))
	require.Less(t, before, 1.0)
}

func TestCountsAreKept(t *testing.T) {
	t.Parallel()
	drawn := map[*kind]int{}
	for _, f := range drawCounts(1, map[*kind]int{killWorker: 500, killHost: 20, killBroker: 10, killClient: 3}) {
		drawn[f.kind]++
	}
	require.Equal(t, map[*kind]int{killWorker: 500, killHost: 20, killBroker: 10, killClient: 3}, drawn)
}

func TestJobsAreOfEveryManner(t *testing.T) {
	t.Parallel()
	drawn, lanes, held, poison, flawed := map[string]int{}, map[producer.Lane]int{}, map[string]job{}, 0, 0
	for n := range 50_000 {
		j := drawJob(1, n, true)
		drawn[j.Manner]++
		lanes[j.Lane]++
		if j.Deaths >= j.Budget {
			poison++
		}
		if j.Errors >= hopeless {
			flawed++
		}
		if before, ok := held[j.Key]; ok && j.Key != "" {
			require.Equal(t, before, j)
		}
		held[j.Key] = j
		require.True(t, j.Errors < j.Attempts || j.Errors == hopeless, "%+v", j)
	}
	require.Len(t, lanes, 3)
	require.Len(t, held, keys+1) // and none
	require.NotZero(t, flawed)
	require.Len(t, drawn, len(manners)+1) // and none
	require.Len(t, mannerNames, len(manners))
	require.NotZero(t, poison)
}
