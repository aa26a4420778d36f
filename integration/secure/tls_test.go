package secure

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/login"
)

func TestTLSKnowsTheBroker(t *testing.T) {
	s := newStage(t, "one-node.conf", "")
	_, err := broker.Connect(s.ctx, broker.Config{URL: s.url, Credentials: login.Credentials{NKey: s.operator.NKey}})
	require.ErrorIs(t, err, broker.ErrTLS, "the system's authorities have not signed it")
	require.ErrorContains(t, err, "--tlsca")
	stranger := s.operator
	stranger.CA = newAuthority(t).file()
	_, err = broker.Connect(s.ctx, broker.Config{URL: s.url, Credentials: stranger})
	require.ErrorIs(t, err, broker.ErrTLS)
}

func TestMutualTLS(t *testing.T) {
	s := newStage(t, "one-node.conf", `tls {
		cert_file: $MUSTER_TLS_CERT, key_file: $MUSTER_TLS_KEY, ca_file: $MUSTER_TLS_CA, verify: true, timeout: 5
	}`)
	_, err := broker.Connect(s.ctx, broker.Config{URL: s.url, Credentials: s.operator})
	require.ErrorIs(t, err, broker.ErrTLS)
	require.ErrorContains(t, err, "--tlscert")
	stranger := s.operator
	stranger.Cert, stranger.Key = newAuthority(t).forClient()
	_, err = broker.Connect(s.ctx, broker.Config{URL: s.url, Credentials: stranger})
	require.ErrorIs(t, err, broker.ErrTLS)

	s.operator.Cert, s.operator.Key = s.authority.forClient()
	s.worker.Cert, s.worker.Key = s.operator.Cert, s.operator.Key
	require.NoError(t, s.fleet().CreateQueue(s.ctx, "default"))
	host := s.host() // the supervisor and its processes, which are told where the files are
	require.Len(t, host.PIDs(), 2)
	require.NoError(t, host.Drain(s.ctx))
}

func TestUserAndPasswordFromAContext(t *testing.T) {
	path := configuration(t, `
		listen: "127.0.0.1:-1"
		jetstream { store_dir: "`+t.TempDir()+`" }
		authorization { user: joe, password: "s:cret/@" }`)
	server, err := broker.StartServer(broker.ServerConfig{ConfigFile: path})
	require.NoError(t, err)
	defer server.Shutdown()
	url := withoutUser(t, server.URL())
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	writeFile(t, filepath.Join(home, "nats", "context", "lab.json"), `{"url":"`+url+`","user":"joe","password":"s:cret/@"}`)
	nc, err := broker.Dial(t.Context(), "", broker.Config{Credentials: login.Credentials{Context: "lab"}})
	require.NoError(t, err)
	nc.Close()

	t.Setenv("NATS_USER", "joe")
	t.Setenv("NATS_PASSWORD", "wrong/@")
	_, err = broker.Dial(t.Context(), url, broker.Config{})
	require.ErrorIs(t, err, broker.ErrCredential)
	require.NotContains(t, err.Error(), "wrong")
	t.Setenv("MUSTER_PASSWORD", "s:cret/@")
	t.Setenv("MUSTER_USER", "joe")
	nc, err = broker.Dial(t.Context(), url, broker.Config{})
	require.NoError(t, err)
	nc.Close()
}
