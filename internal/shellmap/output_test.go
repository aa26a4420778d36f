package shellmap

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/joblog"
)

func TestOutputCollectsWhileItWrites(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	out := newOutput(w, nil, func(error) { t.Error("failed") })
	out.add([]byte("1\n"), nil)
	got := make([]byte, 10)
	n, err := r.Read(got[:1]) // the writer is held up within its first write
	require.NoError(t, err)
	out.add([]byte("2\n"), nil)
	out.add([]byte("3\n"), nil)
	m, err := r.Read(got[n:])
	require.NoError(t, err)
	require.Equal(t, "1\n", string(got[:n+m]))
	n, err = r.Read(got)
	require.NoError(t, err)
	require.Equal(t, "2\n3\n", string(got[:n]))
	require.NoError(t, out.close())
}

func TestOutputFails(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "log")
	log, err := joblog.Create(file)
	require.NoError(t, err)
	defer log.Close()
	failed := make(chan error, 1)
	r, w := io.Pipe()
	out := newOutput(w, log, func(err error) { failed <- err })
	broken := errors.New("broken")
	require.NoError(t, r.CloseWithError(broken))
	for range 3 {
		out.add(make([]byte, maxUnwritten), []byte("record\n")) // does not wait for ever
	}
	require.Equal(t, broken, <-failed)
	require.Equal(t, broken, out.close())
	logged, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Empty(t, logged, "what was not printed is not logged")
}

func TestOutputLogs(t *testing.T) {
	t.Parallel()
	log, err := joblog.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	out := newOutput(io.Discard, log, func(error) {})
	require.NoError(t, log.Close())
	out.add([]byte("1\n"), []byte("record\n"))
	require.ErrorContains(t, out.close(), "writing the job log")
}
