package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// sha256sum returns what the program prints for files, in a directory.
func sha256sum(t *testing.T, dir string, files []string) string {
	t.Helper()
	var all bytes.Buffer
	for some := range slices.Chunk(files, 500) {
		cmd := exec.Command("sha256sum", append([]string{"--"}, some...)...)
		cmd.Dir, cmd.Stdout = dir, &all
		require.NoError(t, cmd.Run())
	}
	return all.String()
}

// Names that a shell would make something of are nothing but names.
func TestExecWithAnyFileName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	names := []string{
		"plain", "with space", " ", "'single'", `"double"`, `back\slash`, "new\nline", "\n", "tab\t", "-rf", "--help", "--",
		"$(touch canary)", "`touch canary`", ";touch canary", "|touch canary", "&& touch canary", ">canary", "$HOME", "*", "?[a-z]*",
		"~", "{}", "%s", "#", "!!", "null", "123", "1e3", "[1]", `"json"`, "\xff\xfe", "ü€😀", strings.Repeat("long", 60),
	}
	for i, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(fmt.Sprint(i)), 0o600), name)
	}
	url := startBroker(t)
	worker := muster(t, "worker", "--url", url, "--processes", "2", "--exec", "hash=sha256sum -- {}", "--exec", "append=sha256sum --")
	worker.Dir = dir
	startService(t, workerReady, worker)
	for _, name := range []string{"hash", "append"} {
		got := run(t, strings.NewReader(strings.Join(names, "\x00")), "map", name, "--null", "--raw", "--url", url)
		require.Equal(t, ended{stdout: sha256sum(t, dir, names)}, got)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, len(names), "something was executed: %v", entries)
}

func TestExecFailures(t *testing.T) {
	t.Parallel()
	url := startBroker(t)
	startWorker(t, url, "--processes", "1", "--exec", "test=sh -c 'echo because >&2; exit 3'", "--exec", "nap=sleep")
	got := run(t, nil, "submit", "--url", url, "test")
	require.Equal(t, ended{status: 1, stderr: "muster: exit status 3; its stderr ends:\n\tbecause\n"}, got)
	got = run(t, nil, "submit", "--url", url, "--limit", "300ms", "nap", "1000")
	require.Equal(t, 1, got.status)
	require.Contains(t, got.stderr, "time limit exceeded")
	got = run(t, strings.NewReader("a\x00b\n"), "map", "--url", url, "nap")
	require.Equal(t, 1, got.status)
	require.Contains(t, got.stderr, "line 1: command: argument cannot be passed: it holds a NUL byte")
}

// filesEnv sets how many files of the Go tree TestExecOutlivesDeaths hashes, such
// as a million for all.
const filesEnv = "MUSTER_TEST_FILES"

// Every file's checksum comes out right and in order, though worker processes and
// a supervisor are killed on the way.
func TestExecOutlivesDeaths(t *testing.T) {
	t.Parallel()
	files := goFiles(t)
	url := startBroker(t)
	victim := startWorker(t, url, "--processes", "2", "--exec", "hash=sha256sum {}")
	other := startWorker(t, url, "--processes", "2", "--exec", "hash=sha256sum {}")
	killProcess := func(worker *service, nth int) func() {
		pid, err := strconv.Atoi(strings.Fields(worker.ready[1])[nth])
		require.NoError(t, err)
		return func() { require.NoError(t, syscall.Kill(pid, syscall.SIGKILL)) }
	}
	n := len(files)
	kills := map[int]func(){
		n / 6: killProcess(victim, 0), n / 3: killProcess(other, 0),
		n / 2: func() { victim.kill(t) }, n * 2 / 3: killProcess(other, 1),
	}

	cmd := muster(t, "map", "hash", "--url", url)
	cmd.Stdin = strings.NewReader(strings.Join(files, "\n") + "\n")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	var got strings.Builder
	lines := bufio.NewScanner(stdout)
	for n := 0; lines.Scan(); n++ {
		if kill := kills[n]; kill != nil {
			kill()
		}
		got.WriteString(lines.Text() + "\n")
	}
	require.NoError(t, cmd.Wait(), stderr.String())
	require.Empty(t, stderr.String())
	require.True(t, sha256sum(t, "/", files) == got.String(), "the checksums differ")
	t.Logf("%d files", n)
}

// goFiles returns some of the files of Go's source.
func goFiles(t *testing.T) (files []string) {
	most, err := strconv.Atoi(cmp.Or(os.Getenv(filesEnv), "3000"))
	require.NoError(t, err)
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	src := filepath.Join(strings.TrimSpace(string(root)), "src")
	require.NoError(t, filepath.WalkDir(src, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && len(files) < most {
			files = append(files, path)
		}
		return err
	}))
	require.GreaterOrEqual(t, len(files), min(most, 3000))
	return files
}

// The program that the document shows is a server.
func TestExecServerOfTheDocument(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("MUSTER_REQUIRE"), ","), "python3") {
			t.Fatal("python3 is required")
		}
		t.Skipf("the document's program is not run: %v", err)
	}
	document, err := os.ReadFile("../../docs/exec.md")
	require.NoError(t, err)
	program := regexp.MustCompile("(?s)```python\n(.*?)```").FindSubmatch(document)
	require.NotNil(t, program)
	file := filepath.Join(t.TempDir(), "square.py")
	require.NoError(t, os.WriteFile(file, program[1], 0o600))

	url := startBroker(t)
	startWorker(t, url, "--processes", "1", "--exec-server", fmt.Sprintf("square='%s' '%s'", python, file))
	got := run(t, strings.NewReader("2\n999\n"), "map", "square", "--url", url)
	require.Equal(t, ended{stdout: "4\n998001\n"}, got)
	got = run(t, nil, "submit", "square", "1000", "--url", url)
	require.Equal(t, ended{status: 1, stderr: "muster: KeyError(1000)\n"}, got)
}

func TestExecServerThatDoesNotStart(t *testing.T) {
	t.Parallel()
	got := run(t, nil, "worker", "--url", startBroker(t), "--processes", "1", "--exec-server", "s=sh -c 'echo no model >&2; exit 4'")
	require.Equal(t, 1, got.status)
	require.Contains(t, got.stderr, "no model")
	require.Contains(t, got.stderr, "server is not ready: s: exit status 4")
}
