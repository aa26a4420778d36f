package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

var update = flag.Bool("update", false, "write docs/commands.md anew")

// The reference of commands in docs/ is what the commands say of themselves.
func TestCommandsDocument(t *testing.T) {
	t.Parallel()
	const file = "../../docs/commands.md"
	want := commandsDocument()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
	}
	have, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, want, string(have), "it is not up to date: go test ./cmd/muster -run TestCommandsDocument -update")
}

func commandsDocument() string {
	var doc strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&doc, format+"\n", args...) }
	line("# Commands\n")
	line("What `muster --help` says of each command, in one place. This file is generated: change")
	line("the command, then run `go test ./cmd/muster -run TestCommandsDocument -update`. What")
	line("`--json` prints is in [json.md](json.md).\n")
	root := root()
	root.InitDefaultHelpFlag()
	for _, cmd := range documented(root) {
		documentCommand(line, cmd)
	}
	return strings.TrimRight(doc.String(), "\n") + "\n"
}

func documentCommand(line func(string, ...any), cmd *cobra.Command) {
	line("## %s\n", cmd.CommandPath())
	line("%s.\n", cmd.Short)
	if cmd.Runnable() && !cmd.HasSubCommands() {
		line("```text\n%s\n```\n", cmd.UseLine())
	}
	if cmd.Long != "" && cmd.Long != cmd.Short {
		line("%s\n", strings.NewReplacer("{}", "`{}`", "<", `\<`, "*", `\*`).Replace(cmd.Long))
	}
	flags := 0
	cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden || flag.Name == "help" {
			return
		}
		if flags++; flags == 1 {
			line("| flag | |\n|---|---|")
		}
		syntax, text := flagText(flag)
		line("| `%s` | %s |", syntax, strings.ReplaceAll(text, "|", `\|`))
	})
	if flags > 0 {
		line("")
	}
	if cmd.Example != "" {
		line("```sh\n%s\n```\n", strings.TrimPrefix(strings.ReplaceAll(cmd.Example, "\n  ", "\n"), "  "))
	}
}

func TestManualPages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "man1")
	require.Empty(t, mustRun(t, "man", dir))
	for _, cmd := range documented(root()) {
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"))
		require.NoError(t, err)
		require.Contains(t, string(page), roff(cmd.Short))
	}
	page, err := os.ReadFile(filepath.Join(dir, "muster-queue-ls.1"))
	require.NoError(t, err)
	for _, part := range []string{".TH MUSTER\\-QUEUE\\-LS 1", ".B \\-\\-json\nprint JSON\n", ".BR muster\\-queue (1)"} {
		require.Contains(t, string(page), part)
	}
	if groff, err := exec.LookPath("groff"); err == nil { // else no one here can say
		out, err := exec.Command(groff, "-man", "-Tutf8", "-ww", "-z", filepath.Join(dir, "muster-worker.1")).CombinedOutput()
		require.NoError(t, err)
		require.Empty(t, string(out))
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.NotEmpty(t, mustRun(t, "completion", shell))
	}
	url := startBroker(t)
	startWorker(t, url, "--processes", "1", "--queue", "images")
	suggested := func(args ...string) []string {
		t.Helper()
		got := run(t, nil, append([]string{"__complete"}, args...)...)
		require.Zero(t, got.status, got.stderr)
		lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
		require.Equal(t, ":4", lines[len(lines)-1], "files are suggested")
		return lines[:len(lines)-1]
	}
	require.Equal(t, []string{"images"}, suggested("queue", "pause", "--url", url, ""))
	require.Equal(t, []string{"images"}, suggested("submit", "--url", url, "--queue", "im"))
	require.Equal(t, []string{"sha256", "sleep", "spin"}, suggested("map", "--url", url, "s"))
	require.Equal(t, []string{"is_prime"}, suggested("doctor", "--url", url, "--func", "is_"))
	require.Empty(t, suggested("queue", "pause", "--url", url, "images", ""))
	require.Empty(t, suggested("queue", "pause", "--url", "nats://127.0.0.1:1", ""))
	nc, err := broker.Dial(t.Context(), url, broker.Config{})
	require.NoError(t, err)
	defer nc.Close()
	hosts, err := hostNames(t.Context(), nc)
	require.NoError(t, err)
	name, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, []string{name}, hosts)
	require.Contains(t, suggested("queue", ""), "purge\tCancel the tasks that wait in a queue")
}
