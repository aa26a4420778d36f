package browser

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/dash"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// patience bounds every wait of a test.
const patience = 90 * time.Second

// scene is a fleet with a dashboard.
type scene struct {
	t      *testing.T
	ctx    context.Context
	fleet  *fleet.Fleet
	client *producer.Client
	url    string // of the broker
	dash   string // URL, without the last slash
	logger *slog.Logger
}

func newScene(t *testing.T) *scene {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	s := &scene{t: t, ctx: ctx, logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	s.url = server.URL()
	s.fleet, err = fleet.Connect(ctx, s.url, fleet.WithLogger(s.logger))
	require.NoError(t, err)
	t.Cleanup(s.fleet.Close)
	s.client, err = producer.Connect(ctx, s.url, producer.WithLogger(s.logger))
	require.NoError(t, err)
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.client.Close(ended) // what is pending is no concern any more
	})
	s.serve()
	return s
}

// serve starts a dashboard with actions.
func (s *scene) serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	server, err := dash.New(s.ctx, dash.Config{
		Fleet: s.fleet, Client: s.client, Actions: true, Loopback: true, Logger: s.logger,
	})
	require.NoError(s.t, err)
	ctx, end := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	s.t.Cleanup(func() {
		end()
		require.NoError(s.t, <-ended)
	})
	s.dash = "http://" + listener.Addr().String()
}

// host starts a worker host and waits until its processes are ready.
func (s *scene) host(name string, processes int) *pool.Supervisor {
	s.t.Helper()
	ready := make(chan int, 100)
	h, err := pool.Start(s.ctx, pool.Config{
		URL: s.url, Host: name, Processes: processes, Logger: s.logger, Stdout: s.t.Output(), Stderr: s.t.Output(),
		Listener: pool.Listener{Ready: func(pid int) {
			select {
			case ready <- pid:
			default:
			}
		}},
	})
	require.NoError(s.t, err)
	s.t.Cleanup(h.Kill)
	for range processes {
		select {
		case <-ready:
		case <-s.ctx.Done():
			require.Fail(s.t, "the host does not get ready")
		}
	}
	return h
}

func (s *scene) path(name string) string { return filepath.Join(s.t.TempDir(), name) }

// submit submits a call.
func submit[A, R any](s *scene, f codec.Func[A, R], arg A, options ...producer.CallOption) *producer.Future[R] {
	s.t.Helper()
	future, err := producer.Submit(s.ctx, s.client, f, arg, options...)
	require.NoError(s.t, err)
	return future
}
