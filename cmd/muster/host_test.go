package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestHost(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	require.Equal(t, []string{"[]"}, mustRun(t, "host", "ls", "--json", "--url", url))
	run(t, nil, "host", "drain", "nowhere", "--url", url).requireFailure(t, 1, "no such host: nowhere")
	startWorker(t, url, "--processes", "2", "--host", "kestrel", "--memory-limit", "1GiB", "--max-tasks", "1000000")

	list := mustRun(t, "host", "ls", "--url", url)
	require.Len(t, list, 2)
	require.Regexp(t, `^HOST +ID +QUEUE +STATE +PROCESSES +MEMORY +FUNCS +LAST DEATH +SEEN$`, list[0])
	require.Regexp(t, `^kestrel +\w{8} +default +serving +0/2 +[0-9.]+ MiB +6 +- +\d+ s$`, list[1])
	hosts := mustRunJSON[[]codec.HostStatus](t, "host", "ls", "--json", "--url", url)
	require.Len(t, hosts, 1)
	require.WithinDuration(t, time.Now(), hosts[0].Sent, patience)

	id := mustRun(t, "submit", "--detach", "--crashes", "1", "--limit", "1m", "sleep", "600", "--url", url)[0]
	var host codec.HostStatus
	var pid string
	require.Eventually(t, func() bool {
		host = mustRunJSON[codec.HostStatus](t, "host", "info", "kestrel", "--json", "--url", url)
		for _, p := range host.Processes {
			if p.Task == id {
				pid = orDash(p.PID)
			}
		}
		return pid != ""
	}, patience, 50*time.Millisecond)
	require.Equal(t, hosts[0].ID, host.ID)
	require.EqualValues(t, 1<<30, host.MemoryLimit)
	info := strings.Join(mustRun(t, "host", "info", host.ID, "--url", url), "\n")
	require.Regexp(t, `^host kestrel \(\w{8}\): serving, queue default, 2 worker processes, supervisor \d+, up \d+ s, [0-9.]+ MiB, limit 1\.0 GiB each\n`, info)
	require.Contains(t, info, "\nfuncs: count_primes, echo, is_prime, sha256, sleep, spin\n")
	require.Regexp(t, `\n`+pid+` +busy +sleep +`+id+` +[0-9.ms]+ of 1m0s +[0-9.]+ MiB +0 +\d+ s +-\n?`, info)

	require.Empty(t, mustRun(t, "host", "kill", "kestrel", pid, "--yes", "--url", url))
	run(t, nil, "result", id, "--url", url).requireFailure(t, 1, "killed by signal SIGKILL, sent by an operator")
	require.Eventually(t, func() bool {
		return strings.Contains(strings.Join(mustRun(t, "host", "ls", "--url", url), "\n"), "ago: sleep: killed by signal SIGKILL, sent")
	}, patience, 50*time.Millisecond)
	run(t, nil, "host", "kill", "kestrel", pid, "--yes", "--url", url).requireFailure(t, 1, "refused: host "+host.ID)

	require.Empty(t, mustRun(t, "host", "resize", "kestrel", "3", "--url", url))
	require.Equal(t, 3, mustRunJSON[codec.HostStatus](t, "host", "info", "kestrel", "--json", "--url", url).Want)
	run(t, nil, "host", "resize", "kestrel", "5000", "--url", url).requireFailure(t, 1, "refused")

	startWorker(t, url, "--processes", "1", "--host", "kestrel")
	run(t, nil, "host", "drain", "kestrel", "--yes", "--url", url).requireFailure(t, 1, "several hosts have the name: kestrel; give one of the ids ")
	require.Empty(t, mustRun(t, "host", "drain", "--wait", host.ID, "--yes", "--url", url))
	run(t, nil, "host", "info", host.ID, "--url", url).requireFailure(t, 1, "no such host")
}

func TestHostOfSeveralQueues(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1", "--host", "kestrel", "--queue", "urgent=3,usual")
	require.Regexp(t, `^kestrel +\w{8} +urgent=3,usual +serving `, mustRun(t, "host", "ls", "--url", url)[1])
	require.Contains(t, mustRun(t, "host", "info", "kestrel", "--url", url)[0], ": serving, queue urgent=3,usual, 1 worker process,")
	for _, queue := range []string{"usual", "urgent"} {
		require.Equal(t, []string{"true"}, mustRun(t, "submit", "--queue", queue, "is_prime", "97", "--url", url))
	}
}

// Commands are among the funcs that a host tells of, though its supervisor does not
// run them.
func TestHostTellsOfCommands(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1", "--exec", "hash=true {}")
	hosts := mustRunJSON[[]codec.HostStatus](t, "host", "ls", "--json", "--url", url)
	require.Len(t, hosts, 1)
	require.Equal(t, []string{"count_primes", "echo", "hash", "is_prime", "sha256", "sleep", "spin"}, hosts[0].Funcs)
}
