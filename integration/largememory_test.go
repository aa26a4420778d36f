//go:build linux && !race

package integration

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

// A value of 100 MB is in memory once on its way through a host, however often one comes:
// where the handler has it. The race detector needs memory of its own.
func TestALargeValueIsInMemoryOnce(t *testing.T) {
	const size, beside = 100 << 20, 60_000_000
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	h := s.hostProgram(url, "host", 1)
	c := s.client(url)
	value := bytes.Repeat([]byte("large"), size/5)
	passes := func(value []byte) {
		t.Helper()
		f, err := producer.Submit(s.ctx, c, echo, value)
		require.NoError(t, err)
		got, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.True(t, bytes.Equal(value, got))
	}
	passes(value[:2<<20]) // what the first of them needs for good
	idle := map[int]int{}
	for _, pid := range append(childrenOf(h.cmd.Process.Pid), h.cmd.Process.Pid) {
		require.NoError(t, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0))
		idle[pid] = peakMemory(t, pid)
	}
	for range 3 {
		passes(value)
		more := 0
		for pid, idle := range idle {
			peak := peakMemory(t, pid)
			t.Logf("process %d: %d MB idle, at most %d MB since", pid, idle/1_000_000, peak/1_000_000)
			more += peak - idle
		}
		require.Greater(t, more, size, "what is counted is not what passes")
		require.Less(t, more, size+beside)
	}
}

// peakMemory returns the most bytes that a process has had resident since its
// clear_refs was written to.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	require.True(t, found)
	kB, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(t, err)
	return kB << 10
}
