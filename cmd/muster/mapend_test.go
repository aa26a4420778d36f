package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counting is a server of funcs that notes each task it runs in a file.
type counting struct {
	t    *testing.T
	url  string
	runs string
	gate string // a task with the argument "wait" ends when this file is there
}

const countingServer = `printf '{"ready": true}\n'
n=0
while read -r line; do
	n=$((n+1)) arg=${line##*\"arg\":} arg=${arg%%\}*}
	echo "$arg" >>"$0"
	case $arg in
	'"wait"') until [ -e "$1" ]; do sleep 0.02; done ;;
	'"fail"') printf '{"id": %d, "error": "bad item"}\n' "$n"; continue ;;
	*) sleep 0.002 ;;
	esac
	printf '{"id": %d, "value": %s}\n' "$n" "$arg"
done`

func startCounting(t *testing.T) *counting {
	dir := t.TempDir()
	c := &counting{t: t, url: startBroker(t), runs: filepath.Join(dir, "runs"), gate: filepath.Join(dir, "gate")}
	server := filepath.Join(dir, "server")
	require.NoError(t, os.WriteFile(server, []byte(countingServer), 0o600))
	startWorker(t, c.url, "--processes", "2",
		"--exec-server", fmt.Sprintf(`count=sh -c '. "$2"' '%s' '%s' '%s'`, c.runs, c.gate, server))
	return c
}

// open lets the tasks go on that wait.
func (c *counting) open() {
	c.t.Helper()
	require.NoError(c.t, os.WriteFile(c.gate, nil, 0o600))
}

// count returns how often each argument was run.
func (c *counting) count() (times map[string]int, all int) {
	c.t.Helper()
	text, err := os.ReadFile(c.runs)
	if !os.IsNotExist(err) {
		require.NoError(c.t, err)
	}
	times = map[string]int{}
	for line := range strings.Lines(string(text)) {
		times[strings.TrimSpace(line)]++
		all++
	}
	return times, all
}

// settled waits until nothing is queued or runs, and then counts.
func (c *counting) settled() (times map[string]int, all int) {
	c.t.Helper()
	requireWaiting(c.t, c.url, "default", 0)
	return c.count()
}

// The failure that ends a run ends it when it has happened, though a task before it
// in the input goes on: the rest is cancelled, and nobody waits for the first.
func TestMapHaltsWhileAnItemBeforeTheFailureRuns(t *testing.T) {
	t.Parallel()
	c := startCounting(t)
	for _, test := range []struct{ args, second, third, stderr string }{
		{"", "fail", "2", "muster: line 2: bad item\n"},
		{"--halt now,fail=1", "fail", "2", "muster: line 2: bad item\n"},
		{"--halt 2", "fail", "fail", "line 2: bad item\nmuster: line 3: bad item\n"},
		{"--unordered", "fail", "2", "muster: line 2: bad item\n"},
		{"--chunk 1", "fail", "2", "muster: line 2: bad item\n"},
		{"", "1e999", "2", "muster: line 2: the number 1e999 is out of range\n"},
		{"--halt 2", "1e999", "2e999", "line 2: the number 1e999 is out of range\nmuster: line 3: the number 2e999 is out of range\n"},
		{"--joblog " + filepath.Join(t.TempDir(), "log"), "fail", "2", "muster: line 2: bad item\n"},
	} {
		t.Run(test.args+" "+test.second, func(t *testing.T) {
			require.NoError(t, os.RemoveAll(c.runs))
			require.NoError(t, os.RemoveAll(c.gate))
			input := "wait\n" + test.second + "\n" + test.third + "\n" + strings.Repeat("9\n", 597)
			got := run(t, strings.NewReader(input), append([]string{"map", "count", "--url", c.url}, strings.Fields(test.args)...)...)
			require.Equal(t, 1, got.status)
			require.Equal(t, test.stderr, got.stderr)
			c.open() // only now can the first end
			_, all := c.settled()
			require.Less(t, all, 200, "of 600")
		})
	}
}

// Each way in which a user ends a map cancels what has not started. A run that goes on
// with its job log runs no item again but those that were under way, and to keep the
// order those behind one that was.
func TestMapCancelsWhateverEndsIt(t *testing.T) {
	t.Parallel()
	const items = 2000
	var input bytes.Buffer
	for i := range items {
		fmt.Fprintln(&input, i)
	}
	const keepOrder, unordered = "--keep-order", "--unordered"
	for name, test := range map[string]struct {
		order   string
		signals []syscall.Signal
	}{
		"hung up":                             {keepOrder, []syscall.Signal{syscall.SIGHUP}},
		"hung up by the shell and the kernel": {unordered, []syscall.Signal{syscall.SIGHUP, syscall.SIGHUP}},
		"terminated":                          {unordered, []syscall.Signal{syscall.SIGTERM}},
		"quit":                                {unordered, []syscall.Signal{syscall.SIGQUIT}},
		"interrupted, then hung up":           {unordered, []syscall.Signal{syscall.SIGINT, syscall.SIGHUP}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCounting(t)
			log := filepath.Join(t.TempDir(), "log")
			m := startMap(t, c.url, "count", "--joblog", log, test.order)
			go m.in.Write(input.Bytes()) // its end is left open
			for range 100 {
				_, err := m.out.ReadString('\n')
				require.NoError(t, err)
			}
			go io.Copy(io.Discard, m.out)
			for i, sig := range test.signals {
				if i == 1 && test.signals[0] == syscall.SIGINT {
					require.Contains(t, m.readError(t), "muster: interrupted; waiting for ")
				}
				if err := m.service.cmd.Process.Signal(sig); err != nil {
					require.ErrorIs(t, err, os.ErrProcessDone)
				}
			}
			m.requireEnd(t, ended{status: 1, stderr: "muster: interrupted\n"})
			_, first := c.settled()
			done := len(logged(t, log))
			require.Less(t, first, items/2, "nothing was cancelled")
			if test.order == unordered {
				require.Less(t, first-done, 64, "more than what was under way is not in the job log")
			}

			rest := run(t, bytes.NewReader(input.Bytes()), "map", "count", "--url", c.url, "--joblog", log, "--resume", test.order)
			require.Zero(t, rest.status, rest.stderr)
			times, all := c.settled()
			require.Len(t, times, items)
			require.Equal(t, items+first-done, all, "an item ran again that the job log tells of")
			require.Len(t, logged(t, log), items)
		})
	}
	t.Run("hung up under nohup", func(t *testing.T) {
		t.Parallel()
		c := startCounting(t)
		plain := muster(t, "map", "count", "--url", c.url)
		cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `trap "" HUP; exec "$0" "$@"`}, plain.Args...)...)
		cmd.Env = plain.Env
		r, w := io.Pipe()
		cmd.Stdin = r
		var out bytes.Buffer
		cmd.Stdout = &out
		require.NoError(t, cmd.Start())
		_, err := io.WriteString(w, "1\n")
		require.NoError(t, err)
		require.Eventually(t, func() bool { _, all := c.count(); return all == 1 }, patience, 10*time.Millisecond)
		require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
		_, err = io.WriteString(w, "2\n")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, cmd.Wait())
		require.Equal(t, "1\n2\n", out.String())
	})
	t.Run("its reader is gone", func(t *testing.T) {
		t.Parallel()
		c := startCounting(t)
		m := startMap(t, c.url, "count")
		go m.in.Write(input.Bytes())
		_, err := m.out.ReadString('\n')
		require.NoError(t, err)
		require.NoError(t, m.pipe.Close())
		m.requireEnd(t, ended{status: -1})
		_, all := c.settled()
		require.Less(t, all, items/2)
	})
	t.Run("its stderr is gone", func(t *testing.T) {
		t.Parallel()
		c := startCounting(t)
		cmd := muster(t, "map", "count", "--url", c.url, "--keep-going")
		r, w, err := os.Pipe()
		require.NoError(t, err)
		require.NoError(t, r.Close())
		defer w.Close()
		var out bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("1\nfail\n2\n"), &out, w
		require.Error(t, cmd.Run())
		require.Equal(t, 1, cmd.ProcessState.ExitCode())
		require.Equal(t, "1\n2\n", out.String())
	})
}

// A task that was submitted is cancelled by the signals that end its command.
func TestSubmitCancelsWhateverEndsIt(t *testing.T) {
	t.Parallel()
	c := startCounting(t)
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			require.NoError(t, os.RemoveAll(c.runs))
			require.NoError(t, os.RemoveAll(c.gate))
			var busy []*service
			for range 2 { // as many as there are processes
				cmd := muster(t, "submit", "count", `"wait"`, "--url", c.url)
				require.NoError(t, cmd.Start())
				busy = append(busy, &service{cmd: cmd})
			}
			require.Eventually(t, func() bool { _, all := c.count(); return all == 2 }, patience, 10*time.Millisecond)
			cmd := muster(t, "submit", "count", "7", "--url", c.url)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			require.NoError(t, cmd.Start())
			requireWaiting(t, c.url, "default", 3)
			require.NoError(t, cmd.Process.Signal(sig))
			require.Error(t, cmd.Wait())
			require.Equal(t, 1, cmd.ProcessState.ExitCode())
			require.Regexp(t, regexp.MustCompile(`^(muster: no [^\n]+\n)?muster: interrupted[^\n]*\n$`), stderr.String())
			c.open()
			for _, s := range busy {
				require.NoError(t, s.cmd.Wait())
			}
			times, _ := c.settled()
			require.Zero(t, times["7"])
		})
	}
}
