package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/fleet"
)

// endless is an argument of count_primes that takes for ever.
const endless = `{"from": 0, "to": 1000000000000000}`

// requireInFlight waits until a host has a message of the default queue at hand.
func requireInFlight(t *testing.T, url string) {
	t.Helper()
	f, err := fleet.Connect(t.Context(), url)
	require.NoError(t, err)
	defer f.Close()
	require.Eventually(t, func() bool {
		q, err := f.Queue(t.Context(), "default")
		return err == nil && q.InFlight > 0
	}, patience, 10*time.Millisecond)
}

func TestDetachAndResult(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	id := mustRun(t, "submit", "--detach", "echo", `"hello"`, "--url", url)[0]
	run(t, nil, "result", "--timeout", "50ms", id, "--url", url).requireFailure(t, 1, "there is no outcome of task "+id+" after 50ms")
	startWorker(t, url, "--processes", "1")
	for range 2 {
		require.Equal(t, []string{"hello"}, mustRun(t, "result", id, "--url", url))
	}
	require.Equal(t, []string{"hello"}, mustRun(t, "result", "--no-wait", id, "--url", url))
	run(t, nil, "cancel", id, "--url", url).requireFailure(t, 1, "task "+id+" has its outcome already")

	first := mustRun(t, "submit", "--detach", "--key", "nightly", "count_primes", endless, "--url", url)
	require.Equal(t, first, mustRun(t, "submit", "--detach", "--key", "nightly", "count_primes", endless, "--url", url))
	requireInFlight(t, url)
	queued := mustRun(t, "submit", "--detach", "echo", "1", "--url", url)[0]
	delayed := mustRun(t, "submit", "--detach", "--delay", "1h", "echo", "1", "--url", url)[0]
	require.Empty(t, mustRun(t, "cancel", queued, delayed, "--url", url))
	require.Empty(t, mustRun(t, "cancel", "--kill", first[0], "--url", url))
	for _, id := range []string{first[0], queued, delayed} {
		run(t, nil, "result", "--no-wait", id, "--url", url).requireFailure(t, 1, "task cancelled")
	}
	require.Zero(t, mustRunJSON[fleet.Queue](t, "queue", "info", "default", "--json", "--url", url).Scheduled)
}

func TestTaskFlags(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1")
	run(t, nil, "submit", "--limit", "20ms", "count_primes", endless, "--url", url).requireFailure(t, 1, "time limit exceeded")
	got := run(t, strings.NewReader(endless+"\n"), "map", "--limit", "20ms", "--priority", "low", "--attempts", "1", "count_primes", "--url", url)
	got.requireFailure(t, 1, "line 1: time limit exceeded")
	flags := "--attempts 3 --backoff 1s --crashes 2 --limit 1m --deadline 1m --priority high --retain 1h --delay 1ms"
	args := append([]string{"submit", "--url", url, "echo", "5"}, strings.Fields(flags)...)
	require.Equal(t, []string{"5"}, mustRun(t, args...))
}

// A running task that is cancelled without --kill goes on and keeps its result.
func TestCancelledRunningTaskKeepsItsResult(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1")
	id := mustRun(t, "submit", "--detach", "sleep", "5", "--url", url)[0]
	requireInFlight(t, url)
	waiting := mustRun(t, "submit", "--detach", "echo", "1", "--url", url)[0]
	run(t, nil, "cancel", id, waiting, "--url", url).requireFailure(t, 1, "task "+id+" runs, and goes on; --kill stops it")
	require.True(t, strings.HasPrefix(mustRun(t, "result", id, "--url", url)[0], "5"), "how long it slept")
	run(t, nil, "result", waiting, "--url", url).requireFailure(t, 1, "task cancelled")
}
