package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/fleet"
)

// mustRun runs a command that succeeds, and returns its lines of stdout.
func mustRun(t *testing.T, args ...string) []string {
	t.Helper()
	got := run(t, nil, args...)
	require.Zero(t, got.status, got.stderr)
	require.Empty(t, got.stderr)
	if got.stdout == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(got.stdout, "\n"), "\n")
}

// mustRunJSON runs a command that prints JSON, and reads it.
func mustRunJSON[T any](t *testing.T, args ...string) (v T) {
	t.Helper()
	text := strings.Join(mustRun(t, args...), "\n")
	require.NoError(t, json.Unmarshal([]byte(text), &v), text)
	return v
}

func TestQueue(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	require.Equal(t, []string{"[]"}, mustRun(t, "queue", "ls", "--json", "--url", url))
	run(t, nil, "queue", "info", "default", "--url", url).requireFailure(t, 1, "no such queue: default")

	startWorker(t, url, "--processes", "1")
	require.Empty(t, mustRun(t, "queue", "pause", "default", "--url", url))
	id := mustRun(t, "submit", "--detach", "--priority", "high", "echo", "7", "--url", url)[0]
	mustRun(t, "submit", "--detach", "--delay", "1h", "echo", "--url", url)

	list := mustRun(t, "queue", "ls", "--url", url)
	require.Len(t, list, 2)
	require.Regexp(t, `^QUEUE +STATE +WAITING +IN FLIGHT +SCHEDULED +DEAD +OLDEST$`, list[0])
	require.Regexp(t, `^default +paused +1 +0 +1 +0 +\d+ s$`, list[1])
	info := strings.Join(mustRun(t, "queue", "info", "default", "--url", url), "\n")
	require.Regexp(t, `^queue default: paused, 1 scheduled, 0 dead, oldest \d+ s, \d`, info)
	require.Regexp(t, `high +paused +1 +0 +0\n`, info)
	queues := mustRunJSON[[]fleet.Queue](t, "queue", "ls", "--json", "--url", url)
	require.Len(t, queues, 1)
	require.True(t, queues[0].Paused)
	one := mustRunJSON[fleet.Queue](t, "queue", "info", "--json", "default", "--url", url)
	require.EqualValues(t, 1, one.Lanes[0].Waiting)
	run(t, nil, "result", id, "--no-wait", "--url", url).requireFailure(t, 1, "there is no outcome of task "+id)

	require.Empty(t, mustRun(t, "queue", "resume", "default", "--url", url))
	require.Equal(t, []string{"7"}, mustRun(t, "result", id, "--url", url))

	mustRun(t, "queue", "pause", "default", "--url", url)
	waiting := mustRun(t, "submit", "--detach", "echo", "--url", url)[0]
	require.Equal(t, []string{"2 tasks purged"}, mustRun(t, "queue", "purge", "default", "--yes", "--url", url))
	run(t, nil, "result", waiting, "--url", url).requireFailure(t, 1, "task cancelled: purged from queue default by an operator")
	require.Equal(t, []string{"0 tasks purged"}, mustRun(t, "queue", "purge", "--yes", "default", "--url", url))
}
