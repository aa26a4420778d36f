package command

import (
	"math"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// A server is no orphan, also when process ids have begun again since it started.
func TestServersAreNoOrphans(t *testing.T) {
	t.Parallel()
	server := exec.Command("sleep", "1000")
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		require.NoError(t, server.Process.Kill())
		require.Error(t, server.Wait())
	})
	pid := server.Process.Pid
	const beforeThat = math.MaxInt // as if the command had got the last id there is
	orphans, err := orphansOf(beforeThat, nil)
	require.NoError(t, err)
	require.Contains(t, orphans, pid)
	orphans, err = orphansOf(beforeThat, []int{pid})
	require.NoError(t, err)
	require.NotContains(t, orphans, pid)
}
