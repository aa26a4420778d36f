package secure

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/login"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

const patience = 60 * time.Second

// stage is a broker with the configuration that is tested, and its users.
type stage struct {
	t                         *testing.T
	ctx                       context.Context
	url                       string
	authority                 *authority
	billing, worker, operator login.Credentials
	logger                    *slog.Logger
}

// newStage starts a broker with a file of deploy/nats, and what the test changes of
// it and of the permissions. The configuration is read from the environment, so that tests come one by one.
func newStage(t *testing.T, file, changes string, permissions ...func(string) string) *stage {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	s := &stage{t: t, ctx: ctx, authority: newAuthority(t), logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	cert, key := s.authority.forBroker()
	t.Setenv("MUSTER_TLS_CERT", cert)
	t.Setenv("MUSTER_TLS_KEY", key)
	t.Setenv("MUSTER_TLS_CA", s.authority.file())
	t.Setenv("MUSTER_STORE", t.TempDir())
	for name, who := range map[string]*login.Credentials{
		"PRODUCER": &s.billing, "WORKER": &s.worker, "OPERATOR": &s.operator,
	} {
		seed, public := newNKey(t)
		t.Setenv("MUSTER_NKEY_"+name, public)
		*who = login.Credentials{NKey: seed, CA: s.authority.file()}
	}
	s.billing.Group, s.worker.Group, s.operator.Group = "billing", "worker", "operator"
	server, err := broker.StartServer(broker.ServerConfig{
		ConfigFile: configuration(t, "include "+file+"\nhost: \"127.0.0.1\"\nport: -1\n"+changes, permissions...), Logger: s.logger,
	})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	s.url = server.URL()
	return s
}

// configuration makes a file beside copies of those in deploy/nats.
func configuration(t *testing.T, text string, permissions ...func(string) string) string {
	dir := t.TempDir()
	const from = "../../deploy/nats"
	require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
	for _, edit := range permissions {
		path := filepath.Join(dir, "permissions.conf")
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.Chmod(path, 0o600))
		require.NoError(t, os.WriteFile(path, []byte(edit(string(before))), 0o600))
	}
	path := filepath.Join(dir, "test.conf")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// fleet connects an operator.
func (s *stage) fleet() *fleet.Fleet {
	f, err := fleet.Connect(s.ctx, s.url, fleet.WithCredentials(s.operator), fleet.WithLogger(s.logger))
	require.NoError(s.t, err)
	s.t.Cleanup(f.Close)
	return f
}

// host starts a worker host.
func (s *stage) host() *pool.Supervisor {
	host, err := pool.Start(s.ctx, pool.Config{
		URL: s.url, Credentials: s.worker, Processes: 2, Logger: s.logger, Stdout: s.t.Output(), Stderr: s.t.Output(),
	})
	require.NoError(s.t, err)
	s.t.Cleanup(host.Kill)
	return host
}

// client connects a producer.
func (s *stage) client(who login.Credentials) *producer.Client {
	client, err := producer.Connect(s.ctx, s.url, producer.WithCredentials(who), producer.WithLogger(s.logger))
	require.NoError(s.t, err)
	s.t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = client.Close(ended)
	})
	return client
}

func withoutUser(t *testing.T, broker string) string {
	u, err := url.Parse(broker)
	require.NoError(t, err)
	u.User = nil
	return u.String()
}

func writeFile(t *testing.T, path, text string) {
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}
