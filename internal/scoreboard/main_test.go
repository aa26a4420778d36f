package scoreboard_test

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/scoreboard"
)

const victimEnv = "SCOREBOARD_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victimEnv) != "" {
		victim()
	}
	os.Exit(m.Run())
}

const (
	victimRun   = 9
	victimStart = 1_700_000_000_123_456_789
)

// victim is a worker process that stops in the middle of its second task.
func victim() {
	b, err := scoreboard.Open(os.NewFile(3, "scoreboard"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	index, _ := b.Begin(victimRun, 1)
	b.Finish(victimRun, index)
	b.Begin(victimRun, victimStart)
	fmt.Println("running")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test has ended
	os.Exit(1)
}

// newBoard returns the supervisor's view of a board and its file.
func newBoard(t testing.TB) (*scoreboard.Board, *os.File) {
	b, f, err := scoreboard.New()
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, b.Close())
		f.Close()
	})
	return b, f
}

// open returns the worker's view of the board behind f.
func open(t testing.TB, f *os.File) *scoreboard.Board {
	b, err := scoreboard.Open(f)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func size(t testing.TB, f *os.File) int {
	info, err := f.Stat()
	require.NoError(t, err)
	return int(info.Size())
}

// begin begins the next task of a run, and requires that it is the one with an index.
func begin(t *testing.T, b *scoreboard.Board, run uint64, now int64, index int) {
	t.Helper()
	got, ok := b.Begin(run, now)
	require.True(t, ok)
	require.Equal(t, index, got)
}

func requireNoneLeft(t *testing.T, b *scoreboard.Board, run uint64) {
	t.Helper()
	_, ok := b.Begin(run, 1)
	require.False(t, ok)
}
