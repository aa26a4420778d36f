package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// maxRecovery bounds what is measured, generously: another machine may be slow.
const maxRecovery = 5 * time.Second

// A worker process is killed under its task, which another process starts: how
// long is that from signal to start?
func TestRecovery(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute+time.Duration(*recoveriesFlag)*maxRecovery)
	defer cancel()
	home, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer home.Close()
	p, err := pool.Local(ctx, pool.Processes(2), pool.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Kill()) }()

	// A task whose outcome was on its way when its process died may run again;
	// whoever calls for another task is let go.
	next := func(task codec.ID) (caller, net.Conn) {
		for deadline := time.Now().Add(maxRecovery); ; {
			require.NoError(t, home.(*net.TCPListener).SetDeadline(deadline))
			conn, err := home.Accept()
			require.NoError(t, err, "the task does not run")
			var c caller
			require.NoError(t, json.NewDecoder(conn).Decode(&c))
			if c.Task == task.String() {
				return c, conn
			}
			conn.Close()
		}
	}
	var took []time.Duration
	for range *recoveriesFlag {
		f, err := producer.Submit(ctx, p.Client(), report, home.Addr().String())
		require.NoError(t, err)
		first, conn := next(f.ID())
		require.Equal(t, 1, first.Attempt)
		killedAt := time.Now()
		require.NoError(t, syscall.Kill(first.PID, syscall.SIGKILL))
		conn.Close()
		second, conn := next(f.ID())
		conn.Close() // which lets it go
		require.Equal(t, 2, second.Attempt)
		require.NotEqual(t, first.PID, second.PID)
		took = append(took, time.Duration(second.At-killedAt.UnixNano()))
		require.NoError(t, f.Err(ctx))
	}
	slices.Sort(took)
	percentile := func(n int) time.Duration { return took[(len(took)-1)*n/100] }
	t.Logf("SIGKILL to start in another process, over %d kills: median %v, 99th percentile %v, most %v",
		len(took), percentile(50), percentile(99), percentile(100))
	require.Less(t, percentile(100), maxRecovery)
}

// openDescriptors counts this process's file descriptors. It leaves out the process's own
// statistics, which nats-server's packages read every second.
func openDescriptors(t *testing.T) (n int) {
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	statistics := fmt.Sprintf("/proc/%d/stat", os.Getpid())
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && target != statistics {
			n++
		}
	}
	return n
}
