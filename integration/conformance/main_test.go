package conformance

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// patience bounds every wait of a test.
const patience = 30 * time.Second

// TestMain makes the test binary able to run worker processes of itself. The
// handlers are registered by the init functions of the files that use them.
func TestMain(m *testing.M) {
	if os.Getenv("GORACE") == "" {
		// A process built with the race detector sleeps a second at its end.
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	pool.Main()
	if play := roles[os.Getenv(roleEnv)]; play != nil {
		play()
		os.Exit(0)
	}
	status := m.Run()
	if status == 0 {
		status = nothingLeft()
	}
	os.Exit(status)
}

// sourcing ignores a goroutine of the embedded server's, which outlives a server
// that is shut down while one of its streams begins to fetch from another, and
// ends by itself some seconds later.
var sourcing = goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3")

// nothingLeft returns 0 if no goroutine and no child process outlives the tests.
func nothingLeft() int {
	if err := goleak.Find(sourcing); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var status syscall.WaitStatus
	if pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); err != syscall.ECHILD {
		fmt.Fprintf(os.Stderr, "a child process is left (pid %d, %v)\n", pid, err)
		return 1
	}
	return 0
}

// soon returns a context that ends after patience, or with the test.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// start starts a pool of n worker processes, which is closed, and must leave
// nothing, at the end of the test.
func start(t testing.TB, n int, options ...pool.Option) *pool.Pool {
	t.Helper()
	p, err := pool.Local(soon(t), append([]pool.Option{pool.Processes(n), quiet()}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, p.Close(ctx), "closing the pool")
	})
	return p
}

// client starts a pool and returns its client.
func client(t testing.TB, n int, options ...pool.Option) *producer.Client {
	t.Helper()
	return start(t, n, options...).Client()
}
