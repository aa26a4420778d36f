package examples_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long one program may take, of which each needs a fraction of a
// second.
const patience = 30 * time.Second

var binaries string // the folder that build fills

func TestMain(m *testing.M) { os.Exit(withBinaries(m.Run)) }

func withBinaries(run func() int) int {
	var err error
	if binaries, err = os.MkdirTemp("", "examples-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(binaries)
	return run()
}

// build builds all programs, once. Without symbols, linking takes half the time.
var build = sync.OnceValue(func() error {
	if err := touchSources(".."); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", binaries, "./...")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the examples: %w\n%s", err, out)
	}
	return nil
})

// touchSources reads every folder of the module. The go command takes note of
// what a test reads; without this it would give a cached result after a change
// of the programs, of which this package imports nothing.
func touchSources(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return fs.SkipDir
		}
		return err
	})
}

// programs returns the names of the examples.
func programs(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		sources, err := filepath.Glob(filepath.Join(entry.Name(), "*.go"))
		require.NoError(t, err)
		if len(sources) > 0 { // Python's are tested in integration/python
			names = append(names, entry.Name())
		}
	}
	require.NotEmpty(t, names)
	return names
}

// run runs a program to its end and returns what it printed. It requires status 0,
// nothing on stderr, and that no process and no file of the program's is left.
func run(t *testing.T, name string) string {
	t.Helper()
	require.NoError(t, build())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	temp := t.TempDir() // which also marks the program's processes
	cmd := exec.CommandContext(ctx, filepath.Join(binaries, name))
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // a process that is left may hold on to stdout

	err := cmd.Run()
	left := marked("TMPDIR=" + temp)
	require.NoError(t, context.Cause(ctx), "the program did not end; stdout:\n%s\nstderr:\n%s", &stdout, &stderr)
	require.NoError(t, err, "stdout:\n%s\nstderr:\n%s", &stdout, &stderr)
	require.Empty(t, stderr.String(), "stderr")
	require.Empty(t, left, "processes left")
	files, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, files, "temporary files left")
	return stdout.String()
}

// marked returns the processes that were started with an entry in their
// environment. Only Linux tells; elsewhere it returns none.
func marked(entry string) (pids []string) {
	if runtime.GOOS != "linux" {
		return nil
	}
	environments, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is good
	for _, path := range environments {
		env, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended, or is another user's
		}
		for e := range bytes.SplitSeq(env, []byte{0}) {
			if string(e) == entry {
				pids = append(pids, filepath.Base(filepath.Dir(path)))
			}
		}
	}
	return pids
}
