package main

import (
	"os"
	"strconv"
	"strings"
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

// openTerminal returns both ends of a terminal.
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

// Without a terminal nothing is destroyed unless --yes says so: one line says what would
// be, and the status is that of bad usage.
func TestDestroyingNeedsConsent(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	pid := startWorker(t, url, "--processes", "1", "--host", "kestrel").ready[1]
	run(t, nil, "submit", "--attempts", "2", "--backoff", "1ms", "sleep", "--url", url, "--", "-1").requireFailure(t, 1, "cannot sleep")
	mustRun(t, "submit", "--detach", "--delay", "1h", "echo", "--url", url)
	empty, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer empty.Close()
	for line, text := range map[string]string{
		"queue purge default":               "this would cancel 0 waiting messages and 1 scheduled task of queue default; add --yes to do it",
		"dead rm --all --queue default":     "this would remove 1 dead letter of queue default; add --yes to do it",
		"dead retry --all --queue default":  "this would retry the tasks of 1 dead letter of queue default; add --yes to do it",
		"host drain kestrel":                "this would drain host kestrel, which has 1 worker process, 0 of them busy; add --yes to do it",
		"host kill kestrel " + pid:          "this would kill worker process " + pid + " of host kestrel, which runs nothing; add --yes to do it",
		"queue purge default --yes=false":   "add --yes to do it",
		"dead rm --all --queue nosuchqueue": "this would remove 0 dead letters of queue nosuchqueue; add --yes to do it",
	} {
		args := append(strings.Fields(line), "--url", url)
		run(t, nil, args...).requireFailure(t, 2, text)
		run(t, strings.NewReader("yes\n"), args...).requireFailure(t, 2, text) // a pipe is nobody
		run(t, empty, args...).requireFailure(t, 2, text)
	}
	// Nothing was done.
	require.Len(t, mustRun(t, "dead", "ls", "--url", url), 2)
	require.Contains(t, mustRun(t, "queue", "info", "default", "--url", url)[0], "1 scheduled")
	require.Contains(t, mustRun(t, "host", "ls", "--url", url)[1], "serving")
	id := strings.Fields(mustRun(t, "dead", "ls", "--url", url)[1])[0]
	require.Empty(t, mustRun(t, "dead", "rm", id, "--url", url), "one that is named needs no consent")
}

// An end of the input is no answer, and no answer is no.
func TestDestroyingAsks(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1", "--host", "kestrel")
	const endOfInput = "\x04"
	for line, question := range map[string]string{
		"dead rm --all --queue default":    "Remove 0 dead letters of queue default? [y/N] ",
		"dead retry --all --queue default": "Retry the tasks of 0 dead letters of queue default? [y/N] ",
		"host drain kestrel":               "Drain host kestrel, which has 1 worker process, 0 of them busy? [y/N] ",
		"queue purge default":              "Cancel 0 waiting messages and 0 scheduled tasks of queue default? [y/N] ",
	} {
		for _, answer := range []string{endOfInput, "\n", "n\n", "yess\n", "ja\n"} {
			user, terminal := openTerminal(t)
			_, err := user.WriteString(answer)
			require.NoError(t, err)
			got := run(t, terminal, append(strings.Fields(line), "--url", url)...)
			require.Equal(t, ended{stderr: question + "muster: nothing was done\n", status: 1}, got)
		}
	}
	user, terminal := openTerminal(t)
	_, err := user.WriteString("y\n")
	require.NoError(t, err)
	got := run(t, terminal, "host", "drain", "--wait", "kestrel", "--url", url)
	require.Zero(t, got.status, got.stderr)
	require.Len(t, mustRun(t, "host", "ls", "--url", url), 1)
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
