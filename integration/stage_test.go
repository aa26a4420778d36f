package integration

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

const (
	// patience bounds every wait of a test.
	patience = 30 * time.Second
	// promptly bounds what must not wait for a lease to end.
	promptly = 2 * time.Second
	// cleanUpTimeout is how soon nothing may be left of what was killed.
	cleanUpTimeout = 5 * time.Second
)

// stage is where one test's fleet stands. What is put on it is taken off at the
// end of the test, in reverse, and then nothing may be left.
type stage struct {
	t      *testing.T
	ctx    context.Context // ends with the test's patience
	marker string          // in the environment of every process of the test
	tmp    string          // temporary directory of every process of the test
	logger *slog.Logger
}

// newStage is for a test that has the test process to itself: hosts and brokers
// may run within it.
func newStage(t *testing.T) *stage {
	s := stageFor(t)
	t.Setenv(markerEnv, s.marker)
	t.Setenv("TMPDIR", s.tmp)
	descriptors := openDescriptors(t)
	t.Cleanup(func() {
		requireNoProcess(t, s.marker)
		requireNoDirectory(t, s.tmp)
		requireNoChild(t)
		requireNoGoroutine(t)
		require.Equal(t, descriptors, openDescriptors(t), "file descriptors are left")
	})
	return s
}

// newParallelStage is for a test that runs beside others: its hosts and brokers
// must be programs of their own.
func newParallelStage(t *testing.T) *stage {
	t.Parallel()
	s := stageFor(t)
	t.Cleanup(func() {
		requireNoProcess(t, s.marker)
		requireNoDirectory(t, s.tmp)
	})
	return s
}

func stageFor(t *testing.T) *stage {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return &stage{
		t: t, ctx: ctx, marker: t.Name(), tmp: t.TempDir(),
		logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// local puts a whole local pool on the stage.
func (s *stage) local(processes int, options ...pool.Option) *pool.Pool {
	s.t.Helper()
	options = append([]pool.Option{
		pool.Processes(processes), pool.WithLogger(s.logger), pool.WithOutput(s.t.Output(), s.t.Output()),
	}, options...)
	p, err := pool.Local(s.ctx, options...)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, p.Kill()) })
	return p
}

// broker puts a broker within this process on the stage, and returns its URL.
func (s *stage) broker() string {
	s.t.Helper()
	b, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: filepath.Join(s.tmp, "store")})
	require.NoError(s.t, err)
	s.t.Cleanup(b.Shutdown)
	return b.URL()
}

// host puts a supervisor within this process on the stage.
func (s *stage) host(url, name string, processes int) *pool.Supervisor {
	s.t.Helper()
	h, err := pool.Start(s.ctx, pool.Config{
		URL: url, Host: name, Processes: processes,
		Logger: s.logger, Stdout: s.t.Output(), Stderr: s.t.Output(),
	})
	require.NoError(s.t, err)
	s.t.Cleanup(h.Kill)
	return h
}

// client puts a client on the stage.
func (s *stage) client(url string, options ...producer.Option) *producer.Client {
	s.t.Helper()
	c, err := producer.Connect(s.ctx, url, append([]producer.Option{producer.WithLogger(s.logger)}, options...)...)
	require.NoError(s.t, err)
	s.t.Cleanup(func() {
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			_ = c.Close(ended()) // what is still pending is none of the test's concern
		}()
		select {
		case <-closed:
		case <-time.After(cleanUpTimeout):
			s.t.Error("the client does not close, though its context has ended")
		}
	})
	return c
}

// ended returns a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// cancels calls a method that cancels, and returns what it says to have cancelled.
func cancels[T any](t testing.TB, cancel func(context.Context) (T, error)) T {
	t.Helper()
	cancelled, err := cancel(context.Background())
	require.NoError(t, err)
	return cancelled
}
