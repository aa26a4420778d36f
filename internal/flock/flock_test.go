package flock_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/flock"
)

func TestLockIsExclusiveUntilClosed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	for _, path := range []string{path, dir} {
		first, err := os.Open(path)
		require.NoError(t, err)
		require.NoError(t, flock.Lock(first))
		require.NoError(t, flock.Lock(first), "it holds the lock already")
		second, err := os.Open(path)
		require.NoError(t, err)
		require.ErrorIs(t, flock.Lock(second), flock.ErrHeld)
		require.NoError(t, first.Close())
		require.NoError(t, flock.Lock(second))
		require.NoError(t, second.Close())
	}
}
