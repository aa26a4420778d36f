// Package dashtest has a fleet with a dashboard, for tests of its pages and for those
// that look at them in a browser.
package dashtest

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
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

// Scene is a broker with a dashboard. All of it ends with the test.
type Scene struct {
	T      *testing.T
	Ctx    context.Context // bounds every wait of the test
	URL    string          // of the broker
	Dash   string          // URL of the dashboard, without the last slash
	Fleet  *fleet.Fleet
	Client *producer.Client
	// Stop ends the dashboard, and waits until it has ended.
	Stop func()

	logger *slog.Logger
	cfg    dash.Config
	addr   string
}

// New starts a broker and a dashboard, by which the fleet can be changed unless
// change says otherwise.
func New(t *testing.T, patience time.Duration, change ...func(*dash.Config)) *Scene {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	s := &Scene{T: t, Ctx: ctx, logger: slog.New(slog.NewTextHandler(t.Output(), nil)), addr: "127.0.0.1:0"}
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	s.URL = server.URL()
	s.Fleet, err = fleet.Connect(ctx, s.URL, fleet.WithLogger(s.logger))
	require.NoError(t, err)
	t.Cleanup(s.Fleet.Close)
	s.Client, err = producer.Connect(ctx, s.URL, producer.WithLogger(s.logger))
	require.NoError(t, err)
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Client.Close(ended) // what is pending is no concern any more
	})
	s.cfg = dash.Config{Fleet: s.Fleet, Client: s.Client, Actions: true, Loopback: true, Logger: s.logger}
	for _, c := range change {
		c(&s.cfg)
	}
	s.Start()
	return s
}

// Start starts the dashboard again, where it was when it was stopped.
func (s *Scene) Start() {
	s.T.Helper()
	listener, err := net.Listen("tcp", s.addr)
	require.NoError(s.T, err)
	s.addr = listener.Addr().String()
	s.Dash = "http://" + s.addr
	server, err := dash.New(s.Ctx, s.cfg)
	require.NoError(s.T, err)
	ctx, end := context.WithCancel(s.Ctx)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	s.Stop = sync.OnceFunc(func() {
		end()
		require.NoError(s.T, <-ended)
	})
	s.T.Cleanup(s.Stop)
}

// Host starts a worker host and waits until its processes are ready.
func (s *Scene) Host(name string, processes int) *pool.Supervisor {
	s.T.Helper()
	ready := make(chan int, 100)
	h, err := pool.Start(s.Ctx, pool.Config{
		URL: s.URL, Host: name, Processes: processes, Logger: s.logger, Stdout: s.T.Output(), Stderr: s.T.Output(),
		Listener: pool.Listener{Ready: func(pid int) {
			select {
			case ready <- pid:
			default:
			}
		}},
	})
	require.NoError(s.T, err)
	s.T.Cleanup(h.Kill)
	for range processes {
		select {
		case <-ready:
		case <-s.Ctx.Done():
			require.Fail(s.T, "the host does not get ready")
		}
	}
	return h
}

// Path names a file that there is not yet.
func (s *Scene) Path(name string) string { return filepath.Join(s.T.TempDir(), name) }

// Submit submits a call.
func Submit[A, R any](s *Scene, f codec.Func[A, R], arg A, options ...producer.CallOption) *producer.Future[R] {
	s.T.Helper()
	future, err := producer.Submit(s.Ctx, s.Client, f, arg, options...)
	require.NoError(s.T, err)
	return future
}
