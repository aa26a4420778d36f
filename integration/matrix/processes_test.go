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

// marked gives the processes that carry a marker.
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

// stat gives the state of a process and its parent; "" if it is gone.
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
	var left []int
	require.Eventually(t, func() bool {
		left = nil
		for _, pid := range list() {
			if state, parent := stat(pid); state != "" && (state != "Z" || parent == os.Getpid()) {
				left = append(left, pid)
			}
		}
		return len(left) == 0
	}, within, 10*time.Millisecond, "%s: %v", what, &left)
}

// leftovers looks for what the tests have left behind.
func leftovers() error {
	for _, pid := range processes() {
		if _, parent := stat(pid); parent == os.Getpid() {
			return fmt.Errorf("process %d is left", pid)
		}
	}
	return goleak.Find()
}
