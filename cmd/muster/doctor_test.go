package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/doctor"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	got := run(t, nil, "doctor", "--url", "nats://127.0.0.1:1")
	require.Equal(t, 1, got.status)
	require.Empty(t, got.stderr)
	require.Regexp(t, `(?m)^problem +broker +broker unreachable: .*\n +mend: start a broker`, got.stdout)

	url := startBroker(t)
	require.Zero(t, run(t, nil, "doctor", "--url", url).status, "a warning is no problem")
	startWorker(t, url, "--processes", "1")
	lines := mustRun(t, "doctor", "--url", url, "--func", "echo")
	for _, line := range lines {
		require.True(t, strings.HasPrefix(line, "ok "), line)
	}
	got = run(t, nil, "doctor", "--json", "--url", url, "--queue", "default", "--func", "thumb", "--func", "echo")
	require.Equal(t, 1, got.status)
	require.Contains(t, got.stdout, `has a handler for \"thumb\"`)
	found := mustRunJSON[[]doctor.Finding](t, "doctor", "--json", "--url", url)
	require.NotEmpty(t, found)
	require.Equal(t, doctor.CheckMachine, found[0].Check)
}
