package fleet_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// The funcs of the tests.
var (
	double = codec.NewFunc[int, int]("double")
	// poison kills its process, unless there is a file at the path.
	poison = codec.NewFunc[string, string]("poison")
	// enter makes a file at the path, and waits until it is removed.
	enter = codec.NewFunc[string, bool]("enter")
)

// patience bounds every wait of a test.
const patience = 60 * time.Second

// TestMain makes the test binary the program of the worker processes too.
func TestMain(m *testing.M) {
	must(os.Setenv("GORACE", "atexit_sleep_ms=0")) // for the processes that we start
	consumer.Handle(double, func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	consumer.Handle(poison, func(_ context.Context, antidote string) (string, error) {
		if _, err := os.Stat(antidote); err != nil {
			must(syscall.Kill(os.Getpid(), syscall.SIGKILL))
			select {}
		}
		return "well", nil
	})
	consumer.Handle(enter, func(ctx context.Context, path string) (bool, error) {
		must(os.WriteFile(path, nil, 0o600))
		for {
			if _, err := os.Stat(path); err != nil {
				return true, nil
			}
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
				return false, ctx.Err()
			}
		}
	})
	pool.Main()
	code := m.Run()
	// What a server leaves behind for some seconds that is shut down while a
	// stream begins to fetch from another.
	sourcing := goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3")
	if err := goleak.Find(sourcing); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// ended returns a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

// scene is a broker, and what the test connects to it.
type scene struct {
	t      *testing.T
	ctx    context.Context
	url    string
	logger *slog.Logger
	fleet  *fleet.Fleet
}

func newScene(t *testing.T) *scene {
	t.Helper()
	return newSceneWith(t, broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
}

func newSceneWith(t *testing.T, cfg broker.ServerConfig) *scene {
	t.Helper()
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	server, err := broker.StartServer(cfg)
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	s := &scene{t: t, ctx: ctx, url: server.URL(), logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	s.fleet, err = fleet.Connect(ctx, s.url, fleet.WithLogger(s.logger))
	require.NoError(t, err)
	t.Cleanup(s.fleet.Close)
	return s
}

// client connects a client, which makes its queue.
func (s *scene) client() *producer.Client {
	s.t.Helper()
	c, err := producer.Connect(s.ctx, s.url, producer.WithLogger(s.logger))
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = c.Close(ended()) }) // what is still pending is none of the test's concern
	return c
}

// host starts a host, and waits until its processes are ready.
func (s *scene) host(processes int) {
	s.t.Helper()
	ready := make(chan int, 1000)
	h, err := pool.Start(s.ctx, pool.Config{
		URL: s.url, Processes: processes, Logger: s.logger, Stdout: s.t.Output(), Stderr: s.t.Output(),
		Listener: pool.Listener{Ready: func(pid int) { ready <- pid }},
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
}

func (s *scene) queue() fleet.Queue {
	s.t.Helper()
	q, err := s.fleet.Queue(s.ctx, producer.DefaultQueue)
	require.NoError(s.t, err)
	return q
}

// letters returns all dead letters.
func (s *scene) letters(queue string) (all []fleet.DeadLetter) {
	s.t.Helper()
	for letter, err := range s.fleet.DeadLetters(s.ctx, queue) {
		require.NoError(s.t, err)
		all = append(all, letter)
	}
	return all
}

func (s *scene) path(name string) string { return filepath.Join(s.t.TempDir(), name) }

// submit submits a call.
func submit[A, R any](s *scene, c *producer.Client, f codec.Func[A, R], arg A, options ...producer.CallOption) *producer.Future[R] {
	s.t.Helper()
	future, err := producer.Submit(s.ctx, c, f, arg, options...)
	require.NoError(s.t, err)
	return future
}
