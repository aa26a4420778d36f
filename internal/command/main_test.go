package command_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/command"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// patience bounds every wait.
const patience = 60 * time.Second

// maxOutput is the bound on output in these tests.
const maxOutput = 1 << 20

// The test binary is the worker processes as well, and the servers.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == serverArg {
		serve(os.Args[2])
		return
	}
	if err := command.Inherit(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	consumer.Handle(self, func(context.Context, int) (int, error) { return os.Getpid(), nil })
	pool.Main()
	os.Exit(m.Run())
}

// self returns the id of the worker process.
var self = codec.NewFunc[int, int]("self")

// fleet is a pool that offers commands.
type fleet struct {
	t   *testing.T
	ctx context.Context
	*pool.Pool
}

func newFleet(t *testing.T, run, serve []string) fleet {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	p, err := startFleet(t, ctx, run, serve)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Kill()) })
	return fleet{t, ctx, p}
}

func startFleet(t *testing.T, ctx context.Context, run, serve []string) (*pool.Pool, error) {
	t.Helper()
	offer := command.Offer{MaxOutput: maxOutput}
	for _, definition := range run {
		c, err := command.Parse(definition)
		require.NoError(t, err)
		offer.Commands = append(offer.Commands, c)
	}
	for _, definition := range serve {
		c, err := command.ParseServer(definition)
		require.NoError(t, err)
		offer.Commands = append(offer.Commands, c)
	}
	entry, err := offer.Env()
	require.NoError(t, err)
	return pool.Local(ctx, pool.Processes(1), pool.Env(entry, "GORACE=atexit_sleep_ms=0"), pool.WithOutput(t.Output(), t.Output()),
		pool.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil))))
}

func submit[A, R any](f fleet, name string, arg A, options ...producer.CallOption) *producer.Future[R] {
	f.t.Helper()
	future, err := producer.Submit(f.ctx, f.Client(), codec.NewFunc[A, R](name), arg, options...)
	require.NoError(f.t, err)
	return future
}

// result returns what a task must come to.
func result[R, A any](f fleet, name string, arg A, options ...producer.CallOption) R {
	f.t.Helper()
	r, err := submit[A, R](f, name, arg, options...).Result(f.ctx)
	require.NoError(f.t, err)
	return r
}

// failure returns the error that a task must come to.
func failure[A any](f fleet, name string, arg A, options ...producer.CallOption) error {
	f.t.Helper()
	err := submit[A, any](f, name, arg, options...).Err(f.ctx)
	require.Error(f.t, err)
	require.NoError(f.t, f.ctx.Err())
	return err
}

// requireSettled waits until all that has ended is known to have arrived: else it
// would run again when its process is killed.
func (f fleet) requireSettled() {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		return !slices.ContainsFunc(f.Supervisor().Status().Processes, func(p codec.ProcessStatus) bool { return p.Held > 0 })
	}, patience, time.Millisecond)
}

func (f fleet) pid() int { return result[int](f, "self", 0) }

// requireGone waits until a process is no more.
func requireGone(t *testing.T, pid int) {
	t.Helper()
	require.Positive(t, pid)
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || bytes.Contains(stat, []byte(") Z ")) // a zombie does no harm
	}, patience, 5*time.Millisecond, "process %d lives", pid)
}

// cancels calls a method that cancels, and returns what it says to have cancelled.
func cancels[T any](t testing.TB, cancel func(context.Context) (T, error)) T {
	t.Helper()
	cancelled, err := cancel(context.Background())
	require.NoError(t, err)
	return cancelled
}
