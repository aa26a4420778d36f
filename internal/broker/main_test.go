package broker_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/musterfleet/muster/internal/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, sourcing) }

// sourcing leaves out what a server that is shut down while a stream begins to
// fetch from another leaves behind for up to 5 seconds.
var sourcing = goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3")

func startServer(t testing.TB, cfg broker.ServerConfig) *broker.Server {
	t.Helper()
	if cfg.StoreDir == "" {
		cfg.StoreDir = t.TempDir()
	}
	if cfg.Port == 0 {
		cfg.Port = -1
	}
	s, err := broker.StartServer(cfg)
	require.NoError(t, err)
	t.Cleanup(s.Shutdown)
	return s
}

func connect(t testing.TB, url string) *nats.Conn {
	t.Helper()
	nc, err := broker.Connect(t.Context(), broker.Config{URL: url, Name: t.Name()})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func jetStream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := broker.Check(t.Context(), nc)
	require.NoError(t, err)
	return js
}

// streamMsgs is how many messages a stream holds.
func streamMsgs(t testing.TB, js jetstream.JetStream, stream string) uint64 {
	t.Helper()
	s, err := js.Stream(context.Background(), stream)
	require.NoError(t, err)
	return s.CachedInfo().State.Msgs
}
