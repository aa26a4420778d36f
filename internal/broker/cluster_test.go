package broker_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/broker/brokertest"
	"github.com/musterfleet/muster/internal/objects"
)

// startCluster starts a cluster, and returns when it has chosen a leader.
func startCluster(t testing.TB, size int) []*broker.Server {
	t.Helper()
	ports := brokertest.FreePorts(t, size)
	routes := make([]string, size)
	for i, port := range ports {
		routes[i] = fmt.Sprintf(`"nats://127.0.0.1:%d"`, port)
	}
	var all []*broker.Server
	for i := range size {
		all = append(all, startServer(t, broker.ServerConfig{ConfigFile: configFile(t, fmt.Sprintf(`
			server_name: n%d
			listen: "127.0.0.1:-1"
			jetstream { store_dir: %q }
			cluster { name: c, listen: "127.0.0.1:%d", routes: [%s] }
		`, i, t.TempDir(), ports[i], strings.Join(routes, ", ")))}))
	}
	jetStream(t, connect(t, all[0].URL()))
	return all
}

// replicas returns how many replicas a stream has, and each of its consumers, when the
// cluster has a leader to tell.
func replicas(t testing.TB, js jetstream.JetStream, stream string) (all []int) {
	t.Helper()
	require.Eventually(t, func() bool {
		s, err := js.Stream(t.Context(), stream)
		if err != nil || s.CachedInfo().Cluster == nil {
			return false
		}
		all = []int{s.CachedInfo().Config.Replicas}
		if len(s.CachedInfo().Cluster.Replicas) != all[0]-1 {
			return false
		}
		consumers := s.ListConsumers(t.Context())
		for c := range consumers.Info() {
			if c.Cluster == nil {
				return false
			}
			all = append(all, 1+len(c.Cluster.Replicas))
		}
		return consumers.Err() == nil
	}, 30*time.Second, 50*time.Millisecond, "nobody tells of the replicas of %s", stream)
	return all
}

func TestThreeReplicasOnACluster(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 3)
	nc := connect(t, cluster[0].URL())
	js := jetStream(t, nc)
	require.NoError(t, broker.EnsureShared(t.Context(), js, broker.StreamOptions{}))
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{}))
	for _, stream := range []string{broker.ResultsStream, broker.DeadStream, broker.CancelStream} {
		require.Equal(t, []int{3}, replicas(t, js, stream))
	}
	require.Equal(t, []int{3, 3}, replicas(t, js, broker.ScheduleStream))
	require.Equal(t, []int{3, 3, 3, 3}, replicas(t, js, broker.TaskStream("q")))
	name, err := objects.New(nc, slog.Default()).Put(t.Context(), []byte("large"), 0)
	require.NoError(t, err)
	require.NotEmpty(t, name)
	require.Equal(t, []int{3}, replicas(t, js, "OBJ_MUSTER"))

	// What somebody has said stands, when creating and after.
	one := broker.StreamOptions{Replicas: 1}
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "one", one))
	require.Equal(t, []int{1, 1, 1, 1}, replicas(t, js, broker.TaskStream("one")))
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "one", broker.StreamOptions{}))
	err = broker.EnsureQueue(t.Context(), js, "q", one)
	require.ErrorIs(t, err, broker.ErrForeignStream)
	require.ErrorContains(t, err, "num_replicas: want 1, have 3")

	// A server that is away is part of the cluster all the same.
	cluster[2].Shutdown()
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "late", broker.StreamOptions{}))
	require.Equal(t, []int{3, 3, 3, 3}, replicas(t, js, broker.TaskStream("late")))
}

func TestOneReplicaOnASmallCluster(t *testing.T) {
	t.Parallel()
	js := jetStream(t, connect(t, startCluster(t, 2)[0].URL()))
	require.NoError(t, broker.EnsureShared(t.Context(), js, broker.StreamOptions{}))
	require.Equal(t, []int{1}, replicas(t, js, broker.ResultsStream))
	err := broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{Replicas: 3})
	require.ErrorContains(t, err, "no suitable peers")
}
