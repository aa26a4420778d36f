package integration

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

// What waits in a more urgent lane runs first, however long the others have
// waited.
func TestLanes(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.host(url, "host", 1)
	c, g := s.client(url), newGate(t)
	first, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: "first"})
	require.NoError(t, err)
	plug := g.next(t, s.ctx)
	names := map[producer.Lane]string{producer.Low: "low", producer.Normal: "normal", producer.High: "high"}
	var futures []*producer.Future[seen]
	for _, lane := range []producer.Lane{producer.Low, producer.Normal, producer.High} {
		for range 12 {
			f, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: names[lane]}, producer.Priority(lane))
			require.NoError(t, err)
			require.NoError(t, c.Flush(s.ctx))
			futures = append(futures, f)
		}
	}
	plug.letGo()
	require.NoError(t, first.Err(s.ctx))
	var order []string
	for range futures {
		v := g.next(t, s.ctx)
		order = append(order, v.Name)
		v.letGo()
	}
	for _, f := range futures {
		require.NoError(t, f.Err(s.ctx))
	}
	// Not strictly: the broker answers in any order.
	require.Less(t, places(order, "high"), places(order, "normal"), order)
	require.Less(t, places(order, "normal"), places(order, "low"), order)
}

// places gives the sum of the places at which a name stands.
func places(names []string, name string) (sum int) {
	for i := range names {
		if names[i] == name {
			sum += i
		}
	}
	return sum
}
