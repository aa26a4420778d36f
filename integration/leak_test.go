package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// markerEnv is the environment variable by which a test's processes are known,
// those of worker processes' own and orphans included.
const markerEnv = "FLEET_TEST"

// processesMarked returns the processes that live and carry a marker, or one that
// continues it behind a slash, as "pid command", this one excepted.
func processesMarked(marker string) (all []string) {
	marked := regexp.MustCompile(`(^|\x00)` + markerEnv + "=" + regexp.QuoteMeta(marker) + `(/|\x00)`)
	for _, pid := range processIDs() {
		environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil || pid == os.Getpid() {
			continue // not ours, or gone meanwhile
		}
		if marked.Match(environment) {
			command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
			all = append(all, fmt.Sprintf("%d %s", pid, bytes.TrimSpace(command)))
		}
	}
	return all
}

// childrenOf returns a process's children, zombies included.
func childrenOf(parent int) (all []int) {
	for _, pid := range processIDs() {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// pid (command) state parent …, where the command may hold anything.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			all = append(all, pid)
		}
	}
	return all
}

func processIDs() (all []int) {
	entries, err := os.ReadDir("/proc")
	must(err)
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// requireNoProcess fails if a process with the marker outlives a killing. Of
// processes that are not our children nobody tells, so it looks now and then.
func requireNoProcess(t *testing.T, marker string) {
	t.Helper()
	var left []string
	require.Eventually(t, func() bool {
		left = processesMarked(marker)
		return len(left) == 0
	}, cleanUpTimeout, 10*time.Millisecond, "processes are left: %v", &left)
}

func requireNoChild(t *testing.T) {
	t.Helper()
	require.Empty(t, childrenOf(os.Getpid()), "child processes are left")
}

// requireNoDirectory fails if a pool's directory is left; a guard process
// removes it when its program has been killed.
func requireNoDirectory(t *testing.T, tmp string) {
	t.Helper()
	require.Eventually(t, func() bool {
		left, err := filepath.Glob(filepath.Join(tmp, "muster-*"))
		return err == nil && len(left) == 0
	}, cleanUpTimeout, 10*time.Millisecond, "a directory is left in %s", tmp)
}

func requireNoGoroutine(t *testing.T) {
	t.Helper()
	require.NoError(t, goleak.Find(sourcing))
}

// openDescriptors returns how many file descriptors of each kind this process has. It
// leaves out the process's own statistics, which nats-server's packages read every second.
func openDescriptors(t *testing.T) map[string]int {
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	statistics := fmt.Sprintf("/proc/%d/stat", os.Getpid())
	kinds := map[string]int{}
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && target != statistics {
			kind, _, _ := strings.Cut(target, ":[")
			kinds[kind]++
		}
	}
	return kinds
}
