package main

import (
	"context"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/builtin"
	"github.com/musterfleet/muster/producer"
)

func TestDead(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	worker := startWorker(t, url, "--processes", "1")
	require.Equal(t, []string{"[]"}, mustRun(t, "dead", "ls", "--json", "--url", url))

	run(t, nil, "submit", "--attempts", "2", "--backoff", "1ms", "sleep", "--url", url, "--", "-1").
		requireFailure(t, 1, "cannot sleep -1 seconds")
	list := mustRun(t, "dead", "ls", "--url", url)
	require.Len(t, list, 2)
	require.Regexp(t, `^ID +QUEUE +FUNC +AGE +CRASHES +ERRORS +CAUSE$`, list[0])
	require.Regexp(t, `^\S+ +default +sleep +\d+ s +0 +2 +cannot sleep -1 seconds`, list[1])
	id := strings.Fields(list[1])[0]
	shown := strings.Join(mustRun(t, "dead", "show", id, "--url", url), "\n")
	require.Regexp(t, `(?m)^id +`+id+`$`, shown)
	require.Regexp(t, `(?m)^argument +-1$`, shown)
	require.Regexp(t, `(?m)^attempts +0 with a crash, 2 with an error$`, shown)
	letter := mustRunJSON[letterJSON](t, "dead", "show", "--json", id, "--url", url)
	require.Equal(t, "-1", string(letter.Arg))
	require.Equal(t, codec.CodeError, letter.Cause.Code)
	require.Len(t, mustRunJSON[[]letterJSON](t, "dead", "ls", "--json", "--queue", "default", "--url", url), 1)
	require.Empty(t, mustRunJSON[[]letterJSON](t, "dead", "ls", "--json", "--queue", "other", "--url", url))

	renewed := mustRun(t, "dead", "retry", id, "--url", url)[0]
	require.NotEqual(t, id, renewed)
	run(t, nil, "dead", "show", id, "--url", url).requireFailure(t, 1, "no such dead letter: "+id)
	run(t, nil, "result", renewed, "--url", url).requireFailure(t, 1, "cannot sleep -1 seconds")

	sleeper := startSleeper(t, url)
	pid, err := strconv.Atoi(strings.Fields(worker.ready[1])[0])
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	got := run(t, nil, "result", sleeper, "--url", url)
	require.Equal(t, 1, got.status)
	require.Contains(t, got.stderr, "died on attempt 1: killed by signal SIGKILL")
	require.Contains(t, strings.Join(mustRun(t, "dead", "ls", "--url", url), "\n"), sleeper)

	got = run(t, nil, "dead", "rm", sleeper, "nosuch-1", "--url", url)
	require.Equal(t, ended{stderr: "muster: nosuch-1: no such dead letter: nosuch-1\n", status: 1}, got)
	all := mustRun(t, "dead", "retry", "--all", "--queue", "default", "--yes", "--url", url)
	require.Len(t, all, 1)
	run(t, nil, "result", all[0], "--url", url).requireFailure(t, 1, "cannot sleep -1 seconds")
	require.Empty(t, mustRun(t, "dead", "rm", "--all", "--queue", "default", "--yes", "--url", url))
	require.Len(t, mustRun(t, "dead", "ls", "--url", url), 1)
}

// startSleeper submits a task that sleeps, and that one crash ends, and returns its
// id when it runs.
func startSleeper(t *testing.T, url string) string {
	t.Helper()
	c, err := producer.Connect(t.Context(), url)
	require.NoError(t, err)
	ended, end := context.WithCancel(t.Context())
	end()
	defer func() { _ = c.Close(ended) }()
	future, err := producer.Submit(t.Context(), c, builtin.Sleep, 60, producer.Crashes(1), producer.Retain(time.Hour))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return future.State() == producer.Running }, patience, 5*time.Millisecond)
	return future.ID().String()
}
