package link_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func openFiles(t *testing.T) int {
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(all)
}

// It counts the files of this process, so no other test runs meanwhile.
func TestNoFileIsLeaked(t *testing.T) {
	a, b := pair(t)
	once := func(i int) {
		f := fileOf(t, random(i, 1000))
		require.NoError(t, a.Send(1, f, bytesOf(random(i, i))))
		got, err := b.Receive()
		require.NoError(t, err)
		require.Equal(t, random(i, 1000), contentOf(t, got.File))
	}
	once(0)
	before := openFiles(t)
	for i := range 200 {
		once(i)
	}
	// The sender closes its file after the frame has come, maybe.
	require.Eventually(t, func() bool { return openFiles(t) <= before }, patience, time.Millisecond)
}
