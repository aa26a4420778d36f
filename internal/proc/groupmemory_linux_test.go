package proc_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/proc"
)

func TestGroupMemory(t *testing.T) {
	own := syscall.Getpgrp()
	used, err := proc.GroupMemory([]int{own, 1 << 30})
	require.NoError(t, err)
	require.Greater(t, used[own], uint64(1<<20))
	require.Contains(t, used, 1<<30)
	require.Zero(t, used[1<<30])
}

func BenchmarkGroupMemory(b *testing.B) {
	for b.Loop() {
		if _, err := proc.GroupMemory([]int{os.Getpid()}); err != nil {
			b.Fatal(err)
		}
	}
}
