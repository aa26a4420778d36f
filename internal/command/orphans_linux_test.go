package command_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a command leaves behind ends with it, also if it has left the process
// group, or holds the command's output open; servers stay.
func TestOrphansAreEnded(t *testing.T) {
	f := newFleet(t, []string{
		"child=sh -c 'sleep 1000 & echo $!'", "session=sh -c 'setsid sleep 1000 >/dev/null 2>&1 & echo $!'",
		`family=sh -c 'sh -c "sleep 1000 & echo \$!; sleep 1000 & echo \$!; wait" & sleep 0.2; echo $!'`,
	}, []string{"server=" + testServer("json")})
	for _, name := range []string{"child", "session", "family"} {
		pids := strings.Fields(result[string, any](f, name, nil))
		require.NotEmpty(t, pids)
		for _, pid := range pids {
			_, err := strconv.Atoi(pid)
			require.NoError(t, err)
			require.NoFileExists(t, "/proc/"+pid, "%s: %s lives", name, pid)
		}
		require.NotZero(t, result[int](f, "server", "count"))
	}
	require.Equal(t, 4, result[int](f, "server", "count"), "it was started once")
}
