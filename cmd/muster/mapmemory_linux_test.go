package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// linesEnv sets how many lines TestMapMemory maps, such as a million.
const linesEnv = "MUSTER_TEST_LINES"

// mapMemory is the most that a map may take, in kB. The race detector's own notes
// take several times as much as what they are of.
func mapMemory() int {
	info, _ := debug.ReadBuildInfo()
	if slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return 300_000
	}
	return 100_000
}

func TestMapMemory(t *testing.T) {
	t.Parallel()
	lines := 100_000
	if n, err := strconv.Atoi(os.Getenv(linesEnv)); err == nil {
		lines = n
	}
	url := startBroker(t)
	startWorker(t, url, "--processes", "2")
	args := strings.Fields("--unordered --keep-going --joblog " + filepath.Join(t.TempDir(), "log"))
	m := startMap(t, url, append(args, "echo")...)
	go func() {
		in := bufio.NewWriter(m.in)
		for i := range lines {
			fmt.Fprintln(in, i)
		}
		_ = in.Flush()
	}()
	sum := 0
	for range lines {
		line, err := m.out.ReadString('\n')
		require.NoError(t, err)
		n, err := strconv.Atoi(strings.TrimSpace(line))
		require.NoError(t, err)
		sum += n
	}
	require.Equal(t, lines*(lines-1)/2, sum)
	peak := peakMemory(t, m.service.cmd.Process.Pid) // before it ends
	t.Logf("%d lines: %d kB", lines, peak)
	require.Less(t, peak, mapMemory(), "kB")
	require.NoError(t, m.in.Close())
	_, err := m.out.ReadByte()
	require.Equal(t, io.EOF, err)
	m.requireEnd(t, ended{})
}

// A large result is held once or twice: as it has come, and decoded. It is not copied
// to be printed.
func TestMapMemoryOfALargeResult(t *testing.T) {
	t.Parallel()
	const size = 100_000_000
	url := startBroker(t)
	startWorker(t, url, "--processes", "1",
		"--exec", `text=sh -c 'head -c 100000000 /dev/zero | tr "\0" x'`, "--exec", `array,json=sh -c 'printf "["; yes 12345678, | head -n 10000000 | tr -d "\n"; printf "1]"'`)
	for _, test := range []struct {
		args string
		size int
		most int // of the size
	}{
		{"text", size, 4}, {"--unordered text", size, 4}, {"--joblog " + filepath.Join(t.TempDir(), "log") + " text", size, 4},
		{"array", 90_000_003, 6}, // whose JSON is another value
	} {
		m := startMap(t, url, strings.Fields(test.args)...)
		_, err := io.WriteString(m.in, "1\n")
		require.NoError(t, err)
		n, err := io.CopyN(io.Discard, m.out, int64(test.size)+1)
		require.NoError(t, err)
		require.EqualValues(t, test.size+1, n)
		peak := peakMemory(t, m.service.cmd.Process.Pid)
		t.Logf("%s: %d kB", test.args, peak)
		require.Less(t, peak, test.most*test.size/1000+mapMemory()/2, "kB")
		require.NoError(t, m.in.Close())
		m.requireEnd(t, ended{})
	}
}

// peakMemory returns the most memory that a process has had, in kB.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	match := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, match)
	peak, err := strconv.Atoi(string(match[1]))
	require.NoError(t, err)
	return peak
}
