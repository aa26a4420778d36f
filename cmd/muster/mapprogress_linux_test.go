package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// On a terminal it tells how far it is, but not where results go.
func TestMapShowsProgress(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1")
	file := filepath.Join(t.TempDir(), "input")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("1\n", 3)), 0o600))
	in, err := os.Open(file)
	require.NoError(t, err)
	defer in.Close()
	user, terminal := openTerminal(t)
	cmd := muster(t, "map", "--url", url, "--chunk", "1", "sleep")
	var out strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, terminal
	require.NoError(t, cmd.Start())
	terminalText, shown := bufio.NewReader(user), ""
	for !strings.HasSuffix(shown, " left") {
		text, err := terminalText.ReadString('t')
		require.NoError(t, err)
		shown += text
	}
	go io.Copy(io.Discard, terminalText)
	require.Regexp(t, `[12] done, \d+/s, \d+s left`, shown)
	require.NoError(t, cmd.Wait())
	require.Equal(t, 3, strings.Count(out.String(), "\n"))
}
