package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes many seconds of both CPUs: -short was given")
	}
	cmd := muster(t, "demo")
	tmp := t.TempDir()
	cmd.Env = append(cmd.Env, "TMPDIR="+tmp)
	got := runCommand(t, nil, cmd)
	require.Zero(t, got.status, got.stderr)
	require.Empty(t, got.stderr) // no terminal, hence no progress bar
	killed := regexp.MustCompile(`killed worker process PID (\d+)`).FindStringSubmatch(got.stdout)
	replaced := regexp.MustCompile(`worker process PID (\d+) has taken its place`).FindStringSubmatch(got.stdout)
	require.NotNil(t, killed, got.stdout)
	require.NotNil(t, replaced, got.stdout)
	require.NotEqual(t, killed[1], replaced[1])
	require.Contains(t, got.stdout, "664579 primes")
	_, table, _ := strings.Cut(got.stdout, "over the fastest\n")
	require.Equal(t, len(demoChunks), strings.Count(table, " %\n"), got.stdout)
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}
