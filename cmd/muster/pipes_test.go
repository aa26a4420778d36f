package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

// startUnread starts a command, waits for its ready line, and closes the pipe from
// which its stderr is read, and with both that of its stdout.
func startUnread(t *testing.T, ready *regexp.Regexp, cmd *exec.Cmd, both bool) (match []string) {
	t.Helper()
	ours, theirs, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stderr = theirs
	if both {
		cmd.Stdout = theirs
	}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill() // a test that has failed
			_ = cmd.Wait()
		}
	})
	require.NoError(t, theirs.Close())
	for lines := bufio.NewScanner(ours); match == nil && lines.Scan(); {
		match = ready.FindStringSubmatch(lines.Text())
	}
	require.NotNil(t, match, "it ended before it was ready")
	require.NoError(t, ours.Close())
	return match
}

// requireDrains checks that a command ends well when it is told to.
func requireDrains(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())
}

func TestBrokerOutlivesTheReaderOfItsLog(t *testing.T) {
	t.Parallel()
	for name, both := range map[string]bool{"stderr": false, "stdout and stderr": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := muster(t, "serve", "--listen", "127.0.0.1:0", "--store", t.TempDir())
			cmd.Env = append(cmd.Env, "MUSTER_TOKEN=right")
			url := startUnread(t, serveReady, cmd, both)[1]
			host := url[strings.LastIndex(url, "/")+1:]
			if _, after, ok := strings.Cut(host, "@"); ok {
				host = after
			}
			for range 3 { // each is a line of its log
				_, err := nats.Connect("nats://wrong@" + host)
				require.ErrorIs(t, err, nats.ErrAuthorization)
			}
			require.NoError(t, cmd.Process.Signal(syscall.SIGHUP)) // another line
			// While it reloads, nats-server refuses who has not yet said who it is.
			require.Eventually(t, func() bool {
				nc, err := nats.Connect("nats://right@" + host)
				if err == nil {
					nc.Close()
				}
				return err == nil
			}, patience, 10*time.Millisecond)
			requireDrains(t, cmd)
		})
	}
}

func TestHostOutlivesTheReaderOfItsLog(t *testing.T) {
	t.Parallel()
	for name, both := range map[string]bool{"stderr": false, "stdout and stderr": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := startBroker(t)
			cmd := muster(t, "worker", "--processes", "1", "--url", url, "--exec", `talk=sh -c 'echo out; echo err >&2' {}`)
			pid, err := strconv.Atoi(startUnread(t, workerReady, cmd, both)[1])
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL)) // a line of its log
			run(t, nil, "submit", "talk", "1", "--url", url)       // what it prints goes to nobody
			require.NoError(t, cmd.Process.Signal(syscall.SIGTTIN))
			require.Equal(t, []string{"2"}, mustRun(t, "submit", "echo", "2", "--url", url))
			requireDrains(t, cmd)
		})
	}
}

func TestHostRollsWithoutAReaderOfItsLog(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	cmd := muster(t, "worker", "--processes", "1", "--url", url)
	startUnread(t, workerReady, cmd, true)
	serving := func() (ids []string) {
		for _, h := range mustRunJSON[[]codec.HostStatus](t, "host", "ls", "--json", "--url", url) {
			if h.State == codec.HostServing {
				ids = append(ids, h.ID)
			}
		}
		return ids
	}
	before := serving()
	require.Len(t, before, 1)
	require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { // a program that has just begun is ended by SIGTERM
		now := serving()
		return len(now) == 1 && now[0] != before[0]
	}, patience, 10*time.Millisecond)
	require.Equal(t, []string{"1"}, mustRun(t, "submit", "echo", "1", "--url", url))
	requireDrains(t, cmd)
}

func TestDashOutlivesTheReaderOfItsLog(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	cmd := muster(t, "dash", "--listen", "127.0.0.1:0", "--url", url)
	page := startUnread(t, regexp.MustCompile(`ready at (http://\S+)`), cmd, true)[1]
	for range 2 {
		answer, err := http.Get(page)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
	}
	requireDrains(t, cmd)
}

// closedPipe returns the end of a pipe that nobody reads.
func closedPipe(t *testing.T) *os.File {
	t.Helper()
	ours, theirs, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, ours.Close())
	t.Cleanup(func() { theirs.Close() })
	return theirs
}

func TestCommandsWithoutAReader(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1")
	for name, test := range map[string]struct {
		args   []string
		stdin  string
		stdout bool // nobody reads stdout, else nobody reads stderr
		want   string
	}{
		"submit without stderr": {args: []string{"submit", "echo", "1"}, want: "1\n"},
		// A line on stderr for each that fails.
		"map without stderr":      {args: []string{"map", "--keep-going", "is_prime"}, stdin: "7\nx\n8\n", want: "true\nfalse\n"},
		"map without stdout":      {args: []string{"map", "is_prime"}, stdin: strings.Repeat("7\n", 5000), stdout: true},
		"queue ls without stdout": {args: []string{"queue", "ls"}, stdout: true},
		"submit without stdout":   {args: []string{"submit", "echo", "1"}, stdout: true},
		"help without stdout":     {args: []string{"worker", "--help"}, stdout: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := muster(t, append(test.args, "--url", url)...)
			cmd.Stdin = strings.NewReader(test.stdin)
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = io.Writer(&stdout), io.Writer(&stderr)
			if test.stdout {
				cmd.Stdout = closedPipe(t)
			} else {
				cmd.Stderr = closedPipe(t)
			}
			_ = cmd.Run() // how it ends is looked at
			if !test.stdout {
				require.Equal(t, test.want, stdout.String())
				require.True(t, cmd.ProcessState.Exited(), cmd.ProcessState)
				return
			}
			require.Empty(t, stderr.String(), "it ends quietly")
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			require.True(t, status.Signal() == syscall.SIGPIPE || status.Exited() && status.ExitStatus() == 0, cmd.ProcessState)
		})
	}
}
