package secure

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/broker/brokertest"
	"github.com/musterfleet/muster/producer"
)

// Three brokers with cluster.conf find each other by their certificates, and keep
// everything three times.
func TestClusterConfiguration(t *testing.T) {
	s := newStage(t, "one-node.conf", "") // for its keys; its broker is not used
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ports := brokertest.FreePorts(t, 3)
	for i, port := range ports {
		t.Setenv("MUSTER_ROUTE_"+itoa(i+1), "nats-route://127.0.0.1:"+itoa(port))
	}
	for i, port := range ports {
		t.Setenv("MUSTER_NODE", "node"+itoa(i+1))
		t.Setenv("MUSTER_STORE", t.TempDir())
		server, err := broker.StartServer(broker.ServerConfig{
			ConfigFile: configuration(t, "include cluster.conf\nhost: \"127.0.0.1\"\nport: -1\ncluster {\n"+
				"name: muster, host: \"127.0.0.1\", port: "+itoa(port)+", routes: [ $MUSTER_ROUTE_1, $MUSTER_ROUTE_2, $MUSTER_ROUTE_3 ]\n"+
				"tls { cert_file: $MUSTER_TLS_CERT, key_file: $MUSTER_TLS_KEY, ca_file: $MUSTER_TLS_CA, verify: true, timeout: 5 }\n}\n"),
			Logger: s.logger,
		})
		require.NoError(t, err)
		defer server.Shutdown()
		s.url = server.URL()
	}
	s.ctx = ctx
	require.NoError(t, s.fleet().CreateQueue(ctx, "default"))
	nc := s.connect(s.operator)
	js, err := broker.Check(ctx, nc)
	require.NoError(t, err)
	stream, err := js.Stream(ctx, broker.TaskStream("default"))
	require.NoError(t, err)
	require.Equal(t, 3, stream.CachedInfo().Config.Replicas)
	host := s.host()
	f, err := producer.Submit(ctx, s.client(s.billing), double, 4)
	require.NoError(t, err)
	n, err := f.Result(ctx)
	require.NoError(t, err)
	require.Equal(t, 8, n)
	require.NoError(t, host.Drain(ctx))
}

func itoa(n int) string { return strconv.Itoa(n) }
