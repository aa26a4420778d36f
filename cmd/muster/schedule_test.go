package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSchedule(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	require.Equal(t, []string{"[]"}, mustRun(t, "schedule", "ls", "--json", "--url", url))
	set := run(t, nil, "schedule", "set", "--url", url, "--zone", "Europe/Berlin", "--queue", "night", "--priority", "low",
		"nightly", "30 2 * * *", "backup", `{"dir": "/srv"}`)
	require.Zero(t, set.status, set.stderr)
	require.Empty(t, set.stdout)
	require.Regexp(t, `^muster: warning: on 20\d\d-\d\d-\d\d Europe/Berlin (skips|repeats) the time from 02:00 to 03:00: `+
		`schedule nightly may fire (not at all|twice) then; use UTC, or an hour outside the change\n$`, set.stderr)
	mustRun(t, "schedule", "set", "--url", url, "tick", "@every 90s", "echo")

	list := mustRun(t, "schedule", "ls", "--url", url)
	require.Len(t, list, 3)
	require.Regexp(t, `^NAME +CRON +ZONE +QUEUE +LANE +FUNC +ARGUMENT$`, list[0])
	require.Regexp(t, `^nightly +0 30 2 \* \* \* +Europe/Berlin +night +low +backup +\{"dir":"/srv"\}$`, list[1])
	require.Regexp(t, `^tick +@every 90s +UTC +default +normal +echo +null$`, list[2])
	all := mustRunJSON[[]shownSchedule](t, "schedule", "ls", "--json", "--url", url)
	require.Len(t, all, 2)
	require.Equal(t, "nightly", all[0].Name)
	require.JSONEq(t, `{"dir": "/srv"}`, string(all[0].Arg))

	require.Empty(t, mustRun(t, "schedule", "rm", "nightly", "--url", url))
	require.Empty(t, mustRun(t, "schedule", "rm", "nightly", "--url", url))
	require.Len(t, mustRun(t, "schedule", "ls", "--url", url), 2)

	for text, args := range map[string][]string{
		"it has 3 fields":                         {"tick", "* * *", "echo"},
		`the minute "*/0": use a step of 1 to 60`: {"tick", "*/0 * * * *", "echo"},
		`the time zone "Local": use a name such`:  {"tick", "0 4 * * *", "echo", "--zone", "Local"},
		"so it never fires":                       {"tick", "0 0 31 2 *", "echo"},
		"use a period of whole seconds":           {"tick", "@every 2562047h", "echo"},
		"--retain 1ms: an outcome kept for 1ms":   {"--retain", "1ms", "tick", "@hourly", "echo"},
		`bad schedule "99 * * * *"`:               {"tick", "99 * * * *", "echo"},
		`zone "Atlantis"`:                         {"tick", "* * * * *", "echo", "--zone", "Atlantis"},
		"is not JSON":                             {"tick", "@hourly", "echo", "text"},
		"out of range":                            {"tick", "@hourly", "echo", "1e999"},
		"name of a schedule":                      {"a.b", "@hourly", "echo"},
		"invalid func name":                       {"tick", "@hourly", "a:b"},
		"use Limit":                               {"--deadline", "1s", "tick", "@hourly", "echo"},
		"a time zone without":                     {"--zone=", "tick", "@hourly", "echo"},
		"accepts between 3":                       {"tick", "@hourly"},
	} {
		status := 2
		if text == "out of range" {
			status = 1
		}
		run(t, nil, append([]string{"schedule", "set", "--url", url}, args...)...).requireFailure(t, status, text)
	}
}

// What is due runs without the client that has set it.
func TestScheduleRuns(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1")
	mustRun(t, "schedule", "set", "--url", url, "--retries", "1", "--backoff", "1ms", "--", "bad", "* * * * * *", "sleep", "-1")
	require.Eventually(t, func() bool {
		return len(mustRun(t, "dead", "ls", "--url", url)) > 1
	}, patience, patience/100)
}
