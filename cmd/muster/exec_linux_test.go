package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a command takes counts as its worker process's, be it one per task or a
// server.
func TestMemoryLimitOfCommands(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1", "--memory-limit", "512MiB", "--exec", "hog=tail -c 2G /dev/zero",
		"--exec-server", `server=sh -c 'echo "{\"ready\":true}"; read task; exec tail -c 2G /dev/zero'`)
	for _, name := range []string{"hog", "server"} {
		run(t, nil, "submit", "--url", url, "--crashes", "1", name).requireFailure(t, 1, "since it passed the memory limit of 536870912 bytes")
	}
	require.Equal(t, ended{stdout: "1\n"}, run(t, nil, "submit", "--url", url, "echo", "1"))
}
