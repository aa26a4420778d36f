package proc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/proc"
)

func BenchmarkStartToExited(b *testing.B) {
	for b.Loop() {
		p, err := proc.Start(proc.Spec{Path: "/bin/sh", Args: []string{"sh", "-c", ":"}})
		require.NoError(b, err)
		<-p.Exited()
		p.Control().Close()
	}
}

// The time from SIGKILL to the notice that the process is dead.
func BenchmarkKillToDied(b *testing.B) {
	b.StopTimer()
	for range b.N {
		p, err := proc.Start(proc.Spec{Path: "/bin/sleep", Args: []string{"sleep", "60"}})
		require.NoError(b, err)
		b.StartTimer()
		require.NoError(b, p.Kill())
		<-p.Died()
		b.StopTimer()
		<-p.Exited()
		p.Control().Close()
	}
}
