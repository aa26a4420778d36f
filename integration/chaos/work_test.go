package chaos

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Each manner really is what it is called.
func TestManners(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var stderr bytes.Buffer // whole, while errors have the end of it
	p, err := pool.Local(ctx, pool.Processes(1), pool.WithLogger(slog.New(slog.DiscardHandler)), pool.WithOutput(io.Discard, &stderr),
		pool.Env(historyEnv+"="+filepath.Join(t.TempDir(), historyFile)))
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Kill()) }()
	for manner, want := range map[string]codec.WorkerDiedError{
		"exit 0":        {},
		"exit 3":        {ExitCode: 3},
		"SIGKILL":       {ExitCode: -1, Signal: "SIGKILL"},
		"SIGSEGV":       {ExitCode: 2},
		"panic":         {ExitCode: 2},
		"out of memory": {ExitCode: 2},
	} {
		require.Contains(t, manners, manner)
		j := job{Manner: manner, Deaths: 1, Budget: 1, Attempts: 1}
		f, err := producer.Submit(ctx, p.Client(), j.fn(), j, j.options()...)
		require.NoError(t, err)
		var died *codec.WorkerDiedError
		require.ErrorAs(t, f.Err(ctx), &died, manner)
		require.Equal(t, j.Budget, died.Attempt, manner)
		require.Equal(t, want.Signal, died.Signal, manner)
		require.Equal(t, want.ExitCode, died.ExitCode, manner)
	}
	require.NoError(t, p.Kill())
	for _, cause := range []string{"SIGSEGV: segmentation violation", "panic: in another goroutine", "out of memory"} {
		require.Contains(t, stderr.String(), cause)
	}
}
