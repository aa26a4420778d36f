package scoreboard_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A supervisor that reads a page beyond the end of its file gets SIGBUS.
func TestWorkerCannotShrinkTheBoard(t *testing.T) {
	t.Parallel()
	b, f := newBoard(t)
	require.ErrorIs(t, f.Truncate(0), os.ErrPermission)
	require.Empty(t, b.Deliveries())
}

func TestFileIsCloseOnExec(t *testing.T) {
	t.Parallel()
	_, f := newBoard(t)
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0)
	require.NoError(t, err)
	require.NotZero(t, flags&unix.FD_CLOEXEC)
}
