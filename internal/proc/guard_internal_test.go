package proc

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListen(t *testing.T) {
	t.Parallel()
	groups, dirs := listen(strings.NewReader(string(
		killGroup(10) + killGroup(11) + spareGroup(10) + spareGroup(12) + removeDir("/a b\nc") +
			// Nothing of this may be obeyed: 0 means ourselves, -1 and 1 everybody.
			"kill 0\nkill 1\nkill -1\nkill x\nkill\n\nremove /unquoted\nhello\nkill 13")))
	require.Equal(t, map[int]bool{11: true}, groups)
	require.Equal(t, map[string]bool{"/a b\nc": true}, dirs)
}

// The number of a group that is gone may be given to another.
func TestGuardSparesWhatHasExited(t *testing.T) {
	t.Parallel()
	g, err := StartGuard(os.Args[0], []string{"guard"}, []string{"GORACE=atexit_sleep_ms=0"}, func() string { return "" })
	require.NoError(t, err)
	defer g.Close()
	p, err := Start(Spec{Path: "/bin/sleep", Args: []string{"sleep", "60"}, Guard: g})
	require.NoError(t, err)
	defer p.Control().Close()
	require.Equal(t, map[int]bool{p.PID(): true}, g.groups)
	require.NoError(t, p.Kill())
	<-p.Exited()
	require.Empty(t, g.groups)
}
