package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
)

// waitsFor starts a command, waits for a line on its stderr, interrupts it and returns
// the line. What it prints to stdout must be nothing.
func waitsFor(t *testing.T, args ...string) string {
	t.Helper()
	cmd := muster(t, args...)
	var stdout bytes.Buffer
	cmd.Stdin, cmd.Stdout = strings.NewReader("1\n2\n"), &stdout
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(stderr)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	rest, err := lines.ReadString(0)
	require.Error(t, err)
	require.NotContains(t, rest, "waiting", "it is said once")
	require.Error(t, cmd.Wait())
	require.Empty(t, stdout.String())
	return line
}

// Nobody waits in silence for a host that does not exist.
func TestCommandsSayThatNoHostTakesTheirTasks(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	nobody := `muster: no worker host serves queue "%s"; waiting`
	for name, args := range map[string]string{
		"submit": "submit --queue typo echo 1", "map": "map --queue typo echo", "unordered": "map --unordered --queue typo echo",
		"chunk": "map --chunk 1 --queue typo echo", "bench": "bench --queue typo",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := waitsFor(t, append(strings.Fields(args), "--url", url)...)
			require.Contains(t, line, fmt.Sprintf(nobody, "typo"))
			require.Contains(t, line, "muster worker --queue typo")
			require.NotContains(t, line, "did you mean")
		})
	}
	t.Run("result", func(t *testing.T) {
		t.Parallel()
		url := startBroker(t) // any host would do, and another test starts one
		id := mustRun(t, "submit", "--url", url, "--queue", "later", "--detach", "echo", "1")[0]
		require.Contains(t, waitsFor(t, "result", "--url", url, id), "muster: no worker host is there; waiting")
	})
	t.Run("a host comes", func(t *testing.T) {
		t.Parallel()
		m := startMap(t, url, "echo", "--queue", "soon")
		_, err := m.in.Write([]byte("1\n"))
		require.NoError(t, err)
		require.Contains(t, m.readError(t), fmt.Sprintf(nobody, "soon"))
		startWorker(t, url, "--processes", "1", "--queue", "soon")
		line, err := m.out.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "1\n", line)
		require.NoError(t, m.in.Close())
	})
	t.Run("paused", func(t *testing.T) {
		t.Parallel()
		startWorker(t, url, "--processes", "1", "--queue", "still")
		mustRun(t, "queue", "pause", "still", "--url", url)
		for _, args := range []string{"submit echo 1", "map echo"} {
			line := waitsFor(t, append(strings.Fields(args), "--queue", "still", "--url", url)...)
			require.Contains(t, line, `muster: queue "still" is paused; waiting`)
		}
	})
	t.Run("misspelled", func(t *testing.T) {
		t.Parallel()
		startWorker(t, url, "--processes", "1", "--queue", "images")
		require.Contains(t, waitsFor(t, "submit", "--queue", "image", "--url", url, "echo", "1"), `did you mean "images"?`)
	})
	t.Run("a long task is no reason", func(t *testing.T) {
		t.Parallel()
		startWorker(t, url, "--processes", "1", "--queue", "slow")
		got := run(t, nil, "submit", "--queue", "slow", "--url", url, "sleep", "2.5")
		require.Zero(t, got.status)
		require.Empty(t, got.stderr)
	})
}

// Where a user may not hear hosts, the pulls of the queue tell whether there is one.
func TestWaitingWithoutPermissionToHearHosts(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "nats.conf")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `listen: "127.0.0.1:-1"
jetstream { store_dir: %q }
authorization { users: [
	{ user: "all", password: "secret" }
	{ user: "few", password: "secret", permissions: { publish: { deny: "muster.watch" }, subscribe: { deny: "muster.host.*" } } }
] }`, t.TempDir()), 0o600))
	ready := regexp.MustCompile(`^muster: broker ready at (\S+), configuration \S+$`)
	url := startService(t, ready, muster(t, "serve", "--config", config)).ready[1]
	as := func(user string) string { return strings.Replace(url, "nats://", "nats://"+user+":secret@", 1) }
	require.Contains(t, waitsFor(t, "submit", "--queue", "typo", "--url", as("few"), "echo", "1"), `no worker host serves queue "typo"; waiting`)
	startWorker(t, as("all"), "--processes", "1")
	got := run(t, nil, "submit", "--url", as("few"), "sleep", "2.5")
	require.Zero(t, got.status)
	require.Empty(t, got.stderr, "a host pulls")
}

func TestWhyNoHostTakesTasks(t *testing.T) {
	t.Parallel()
	host := func(name, queue string, state codec.HostState, want int, funcs ...string) fleet.Host {
		return fleet.Host{HostStatus: codec.HostStatus{Host: name, Queue: queue, State: state, Want: want, Funcs: funcs}}
	}
	w := &hostWatch{queue: "q", name: "f"}
	for want, hosts := range map[string][]fleet.Host{
		"": {host("a", "q", codec.HostDraining, 1, "f"), host("b", "q", codec.HostServing, 1, "f")},
		`no worker host serves queue "q"; waiting: `:                         {host("a", "other", codec.HostServing, 1, "f"), host("b", "q", codec.HostStopped, 1, "f")},
		`(did you mean "qs"?)`:                                               {host("a", "other", codec.HostServing, 1, "f"), host("b", "qs", codec.HostServing, 1, "f")},
		`no worker host of queue "q" has func "f"; waiting`:                  {host("a", "q", codec.HostServing, 1, "g")},
		"no worker host takes tasks: a is draining, b is unhealthy; waiting": {host("b", "q", codec.HostUnhealthy, 1, "f"), host("a", "q", codec.HostDraining, 1, "f")},
		"no worker host takes tasks: a has no worker processes; waiting":     {host("a", "q", codec.HostServing, 0, "f")},
		"a is draining, b is draining, c is draining, and so are 2 more; waiting, or": {
			host("a", "q", codec.HostDraining, 1), host("b", "q", codec.HostDraining, 1), host("c", "q", codec.HostDraining, 1),
			host("d", "q", codec.HostDraining, 1), host("e", "q", codec.HostDraining, 1),
		},
	} {
		if want == "" {
			require.Empty(t, w.judge(hosts))
		} else {
			require.Contains(t, w.judge(hosts), want)
		}
	}
	require.Empty(t, w.judge([]fleet.Host{host("a", "q", codec.HostServing, 1)}), "it does not say what it has")
	require.Empty(t, (&hostWatch{name: "f"}).judge([]fleet.Host{host("a", "q", codec.HostServing, 1, "f")}), "any queue will do")
}
