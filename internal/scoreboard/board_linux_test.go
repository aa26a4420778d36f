package scoreboard_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A supervisor that reads a page beyond the end of its file gets SIGBUS.
func TestProcessCannotChangeTheSizeOfTheBoard(t *testing.T) {
	t.Parallel()
	b, f := newBoard(t)
	before := size(t, f)
	require.ErrorIs(t, f.Truncate(0), os.ErrPermission)
	require.ErrorIs(t, f.Truncate(1<<20), os.ErrPermission)
	_, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
	require.ErrorIs(t, err, os.ErrPermission, "the seals are sealed")
	require.Equal(t, before, size(t, f))
	b.Give(1, 1)
	begin(t, b, 1, 1, 0)
	require.True(t, b.Look(1, 1).Running())
}

func TestFileIsCloseOnExec(t *testing.T) {
	t.Parallel()
	_, f := newBoard(t)
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0)
	require.NoError(t, err)
	require.NotZero(t, flags&unix.FD_CLOEXEC)
}
