package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhereTheKernelCounts(t *testing.T) {
	t.Parallel()
	for own, want := range map[string][]string{
		"0::/system.slice/muster.service\n": {
			"/r/system.slice/muster.service/memory.events.local", "/r/system.slice/muster.service/memory.events",
			"/r/memory.events.local", "/r/memory.events",
		},
		"9:cpu,cpuacct:/x\n4:hugetlb,memory:/a:b\n": {
			"/r/memory/a:b/memory.oom_control", "/r/memory/memory.oom_control",
		},
		"": nil, "rubbish": nil,
	} {
		require.Equal(t, append(want, "/proc/vmstat"), oomFiles("/r", own))
	}
}

func TestEachKillExplainsOneDeath(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "memory.events")
	count := func(n int) {
		require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "oom 9\noom_kill %d\noom_group_kill 9\n", n), 0o600))
	}
	count(5)
	k := newOOMKills("/no/such/file", file)
	require.False(t, k.explain(), "what was before")
	count(7)
	require.True(t, k.explain())
	require.True(t, k.explain())
	require.False(t, k.explain())
	count(8)
	require.True(t, k.explain())
	require.NoError(t, os.Remove(file))
	require.False(t, k.explain())
	require.False(t, newOOMKills().explain())
}
