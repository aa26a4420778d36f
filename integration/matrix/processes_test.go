package matrix

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// markerEnv is the environment variable by which a case's processes, and what they
// start, are known.
const markerEnv = "MATRIX_CASE"

// markerOf returns a case's marker, which no other run of these tests on this machine
// has. kind tells the processes of one host from another's.
func markerOf(queue, kind string) string { return fmt.Sprintf("%s/%s/%d", queue, kind, os.Getpid()) }

// marked returns the processes that carry a marker.
func marked(marker string) (pids []int) {
	entry := fmt.Appendf(nil, "\x00%s=%s\x00", markerEnv, marker)
	for _, pid := range processes() {
		environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && bytes.Contains(append([]byte{0}, environment...), entry) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func processes() (pids []int) {
	entries, err := os.ReadDir("/proc")
	must(err)
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// stat returns the state of a process and its parent; "" if it is gone.
func stat(pid int) (state string, parent int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	// pid (command) state parent …, where the command may hold anything.
	if _, err := fmt.Sscan(string(text[bytes.LastIndexByte(text, ')')+1:]), &state, &parent); err != nil {
		return "", 0
	}
	return state, parent
}

// requireGone waits until none of the processes is left, not even as a zombie of
// ours. Of what are not our children nobody tells, so it looks now and then.
func requireGone(t *testing.T, what string, within time.Duration, list func() []int) {
	t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(10 * time.Millisecond) {
		var left []int
		for _, pid := range list() {
			if state, parent := stat(pid); state != "" && (state != "Z" || parent == os.Getpid()) {
				left = append(left, pid)
			}
		}
		if len(left) == 0 {
			return
		}
		require.True(t, time.Now().Before(deadline), "%s: %v", what, left)
	}
}

// leftovers looks for what the tests have left behind.
func leftovers() error {
	for _, pid := range processes() {
		if _, parent := stat(pid); parent == os.Getpid() {
			return fmt.Errorf("process %d is left", pid)
		}
	}
	return goleak.Find(sourcing)
}

// sourcing ignores a goroutine of the embedded server's, which outlives a server
// that is shut down while one of its streams begins to fetch from another, and
// ends by itself some seconds later.
var sourcing = goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3")
