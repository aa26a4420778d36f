package broker_test

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

func TestServerKeepsStreamsAcrossRestarts(t *testing.T) {
	t.Parallel()
	cfg := broker.ServerConfig{StoreDir: t.TempDir(), Port: -1, Token: broker.RandomCredential()}
	s := startServer(t, cfg)
	js := jetStream(t, connect(t, s.URL()))
	require.NoError(t, broker.EnsureShared(t.Context(), js, broker.StreamOptions{}))
	_, err := js.Publish(t.Context(), broker.DeadSubject("q", "c", 7), []byte("x"))
	require.NoError(t, err)
	s.Shutdown()
	s.Shutdown() // again

	js = jetStream(t, connect(t, startServer(t, cfg).URL()))
	require.EqualValues(t, 1, streamMsgs(t, js, broker.DeadStream))
}

func TestServerIsLoopbackWithItsToken(t *testing.T) {
	t.Parallel()
	token := broker.RandomCredential()
	require.NotEqual(t, token, broker.RandomCredential())
	s := startServer(t, broker.ServerConfig{Token: token})
	u, err := url.Parse(s.URL())
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", u.Hostname())
	require.Equal(t, token, u.User.Username())
}

func TestServerPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, err = broker.StartServer(broker.ServerConfig{Port: l.Addr().(*net.TCPAddr).Port, StoreDir: t.TempDir()})
	require.ErrorIs(t, err, broker.ErrStart)
	require.ErrorContains(t, err, "address already in use")
	require.NotContains(t, err.Error(), "\n")
}

func TestServerStoreDirUnwritable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{"", file, filepath.Join(file, "below")} {
		_, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: dir})
		require.ErrorIs(t, err, broker.ErrStart)
		require.ErrorContains(t, err, "store directory")
		require.NotContains(t, err.Error(), "\n")
	}
}

// What the probes do not find must not be silent either.
func TestServerReportsItsFatalError(t *testing.T) {
	t.Parallel()
	_, err := broker.StartServer(broker.ServerConfig{ConfigFile: configFile(t, fmt.Sprintf(`
		listen: "127.0.0.1:-1"
		jetstream { store_dir: %q }
		accounts { SYS { jetstream: enabled, users: [ { user: u, password: p } ] } }
		system_account: SYS
	`, t.TempDir()))})
	require.ErrorIs(t, err, broker.ErrStart)
	require.ErrorContains(t, err, "JetStream")
}

func configFile(t testing.TB, text string) string {
	path := filepath.Join(t.TempDir(), "nats.conf")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestServerConfigFile(t *testing.T) {
	t.Parallel()
	path := configFile(t, fmt.Sprintf(`
		listen: "0.0.0.0:-1"
		jetstream { store_dir: %s }
		authorization { user: joe, password: "s:cret" }
		max_payload: 2MB
	`, strconv.Quote(t.TempDir())))
	s := startServer(t, broker.ServerConfig{ConfigFile: path})
	require.Contains(t, s.URL(), "nats://joe:s%3Acret@127.0.0.1:")
	nc := connect(t, s.URL())
	jetStream(t, nc)
	require.EqualValues(t, 2<<20, nc.MaxPayload())
}

func TestServerConfigFileErrors(t *testing.T) {
	t.Parallel()
	_, err := broker.StartServer(broker.ServerConfig{ConfigFile: configFile(t, "listen: \"127.0.0.1:-1\"\n")})
	require.ErrorIs(t, err, broker.ErrNoJetStream)
	_, err = broker.StartServer(broker.ServerConfig{ConfigFile: configFile(t, "nonsense {{{")})
	require.ErrorIs(t, err, broker.ErrStart)
	_, err = broker.StartServer(broker.ServerConfig{ConfigFile: filepath.Join(t.TempDir(), "none")})
	require.ErrorIs(t, err, broker.ErrStart)
}
