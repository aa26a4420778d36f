package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The commands of docs/operations.md do what they are meant to.
func TestOperationsDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	_, script, found := strings.Cut(string(text), "```sh\n")
	require.True(t, found)
	script, _, _ = strings.Cut(script, "```\n")

	url := startBroker(t)
	startWorker(t, url, "--processes", "1")
	shell := muster(t)
	dir := t.TempDir()
	self, err := exec.LookPath(os.Args[0])
	require.NoError(t, err)
	self, err = filepath.Abs(self)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(dir, "muster")))
	shell.Path, shell.Args, shell.Dir = "/bin/sh", []string{"sh", "-euc", script}, dir
	shell.Env = append(shell.Env, "MUSTER_URL="+url, "PATH="+dir+":"+os.Getenv("PATH"))
	got := runCommand(t, nil, shell)
	require.Zero(t, got.status, got.stderr)
	for _, line := range []string{"42\n", "given up\n", "given up again\n", "0 tasks purged\n"} {
		require.Contains(t, got.stdout, line)
	}
	require.Equal(t, 2, strings.Count(got.stderr, "cannot sleep -1 seconds"), got.stderr)
}
