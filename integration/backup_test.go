package integration

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

// A broker that starts from an older copy of its store runs again what has run
// since. Callers notice nothing: the first outcome stands. What was submitted
// since is gone.
func TestBrokerStartsFromACopy(t *testing.T) {
	s := newParallelStage(t)
	b, address := s.brokerProgram(-1)
	c, g := s.client(address), newGate(t)
	early := submitDoubles(s, c, 500)
	visit := submitVisit(s, c, g, "again")
	durable, err := producer.Submit(s.ctx, c, double, 21, producer.Retain(time.Hour))
	require.NoError(t, err)
	delayed, err := producer.Submit(s.ctx, c, double, 4, producer.Delay(time.Second))
	require.NoError(t, err)
	require.NoError(t, c.Flush(s.ctx))

	b.terminate()
	b.wait()
	backup := filepath.Join(s.tmp, "backup")
	require.NoError(t, os.CopyFS(backup, os.DirFS(filepath.Join(s.tmp, "store"))))

	b = restart(s, address)
	s.hostProgram(address, "host", 2)
	first := g.next(t, s.ctx)
	first.letGo()
	require.NoError(t, visit.Err(s.ctx))
	requireDoubled(s, early)
	for future, want := range map[*producer.Future[int]]int{durable: 42, delayed: 8} {
		n, err := future.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	require.Zero(t, c.Pending())

	b.terminate()
	b.wait()
	startFrom(s, address, "backup")
	second := g.next(t, s.ctx)
	require.Equal(t, first.Name, second.Name)
	require.Equal(t, 1, second.Attempt)
	second.letGo()
	late, err := producer.Submit(s.ctx, c, double, 1)
	require.NoError(t, err)
	n, err := late.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 2, n)

	// Its outcome came to be after the copy, and comes to be once more.
	again, err := producer.Attach(s.ctx, s.client(address), double, durable.ID())
	require.NoError(t, err)
	n, err = again.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 42, n)
}
