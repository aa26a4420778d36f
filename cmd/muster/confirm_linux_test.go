package main

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestPurgeAsks(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	for answer, status := range map[string]int{"n\n": 1, "\n": 1, "yes\n": 0, "Y\n": 0} {
		mustRun(t, "submit", "--detach", "echo", "--url", url)
		user, terminal := openTerminal(t)
		_, err := user.WriteString(answer)
		require.NoError(t, err)
		got := run(t, terminal, "queue", "purge", "default", "--url", url)
		require.Equal(t, status, got.status, got.stderr)
		require.Regexp(t, `^Cancel \d+ waiting messages? and 0 scheduled tasks of queue default\? \[y/N\] `, got.stderr)
		if status != 0 {
			require.Contains(t, got.stderr, "muster: nothing was done\n")
			require.Empty(t, got.stdout)
			mustRun(t, "queue", "purge", "--yes", "default", "--url", url)
		} else {
			require.Equal(t, "1 task purged\n", got.stdout)
		}
	}
}

// openTerminal gives both ends of a terminal.
func openTerminal(t *testing.T) (user, terminal *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { user.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { terminal.Close() })
	return user, terminal
}

func TestKillAsks(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	pid := startWorker(t, url, "--processes", "1", "--host", "kestrel").ready[1]
	user, terminal := openTerminal(t)
	_, err := user.WriteString("n\n")
	require.NoError(t, err)
	got := run(t, terminal, "host", "kill", "kestrel", pid, "--url", url)
	require.Equal(t, 1, got.status)
	require.Contains(t, got.stderr, "Kill worker process "+pid+" of host kestrel, which runs nothing? [y/N] ")
	require.Contains(t, got.stderr, "nothing was done")
}
