package secure

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/metrics"
)

// A worker host's credential is enough to tell how its own queue stands.
func TestAHostCanTellOfItsQueue(t *testing.T) {
	s := newStage(t, "one-node.conf", "")
	require.NoError(t, s.fleet().CreateQueue(s.ctx, "default"))
	s.host()
	f, err := fleet.Connect(s.ctx, s.url, fleet.WithCredentials(s.worker), fleet.WithLogger(s.logger))
	require.NoError(t, err)
	t.Cleanup(f.Close)
	registry := prometheus.NewRegistry()
	require.NoError(t, registry.Register(metrics.Queues(f, "default")))
	n, err := testutil.GatherAndCount(registry, "muster_queue_dead_letters", "muster_queue_messages_waiting")
	require.NoError(t, err)
	require.Equal(t, 1+3, n)
}
