package secure

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/login"
)

// A broker without a configuration file: TLS, a client's certificate, a user.
func TestServeWithTLS(t *testing.T) {
	a := newAuthority(t)
	cfg := broker.ServerConfig{Port: -1, StoreDir: t.TempDir(), User: "joe", Password: "hush", CA: a.file()}
	cfg.Cert, cfg.Key = a.forBroker()
	server, err := broker.StartServer(cfg)
	require.NoError(t, err)
	defer server.Shutdown()
	require.Contains(t, server.URL(), "tls://joe:hush@127.0.0.1:")
	who := login.Credentials{User: "joe", Password: "hush", CA: a.file()}
	_, err = broker.Connect(t.Context(), broker.Config{URL: withoutUser(t, server.URL()), Credentials: who})
	require.ErrorIs(t, err, broker.ErrTLS)
	who.Cert, who.Key = a.forClient()
	nc, err := broker.Connect(t.Context(), broker.Config{URL: withoutUser(t, server.URL()), Credentials: who})
	require.NoError(t, err)
	nc.Close()
	who.Password = "guess"
	_, err = broker.Connect(t.Context(), broker.Config{URL: withoutUser(t, server.URL()), Credentials: who})
	require.ErrorIs(t, err, broker.ErrCredential)

	cfg.Key = cfg.CA
	_, err = broker.StartServer(cfg)
	require.ErrorIs(t, err, broker.ErrStart)
}
