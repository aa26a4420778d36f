package integration

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

func TestLocalParentKilled(t *testing.T) {
	s := newParallelStage(t)
	g := newGate(t)
	p := s.program("local", params{Processes: 2, Gate: g.address, Tasks: 3, Child: true})
	require.Equal(t, "submitted", p.line())
	g.next(t, s.ctx)
	g.next(t, s.ctx)
	require.Len(t, processesMarked(p.marker), 6)
	p.kill()
	requireNoProcess(t, p.marker)
	requireNoDirectory(t, s.tmp)
}

func TestLocalCloseWaitsForPendingWork(t *testing.T) {
	s := newStage(t)
	p := s.local(1)
	g := newGate(t)
	futures := []*producer.Future[seen]{
		submitVisit(s, p.Client(), g, "running"), submitVisit(s, p.Client(), g, "pending"),
	}
	running := g.next(t, s.ctx)
	closed := make(chan error)
	go func() { closed <- p.Close(s.ctx) }()
	running.letGo()
	g.next(t, s.ctx).letGo()
	require.NoError(t, <-closed)
	for _, f := range futures {
		require.Equal(t, producer.Finished, f.State())
		require.NoError(t, f.Err(s.ctx))
	}

	_, err := producer.Submit(s.ctx, p.Client(), double, 1)
	require.ErrorIs(t, err, producer.ErrClosed)
	require.NoError(t, p.Close(s.ctx))
}

// The tasks would stay at the gate for ever: that these end at all shows that
// they do not wait.
func TestLocalEndsAtOnce(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *pool.Pool){
		"Close with an ended context": func(t *testing.T, p *pool.Pool) {
			require.ErrorIs(t, p.Close(ended()), context.Canceled)
		},
		"Kill": func(t *testing.T, p *pool.Pool) { require.NoError(t, p.Kill()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			p := s.local(1)
			g := newGate(t)
			futures := []*producer.Future[seen]{
				submitVisit(s, p.Client(), g, "running"), submitVisit(s, p.Client(), g, "pending"),
			}
			g.next(t, s.ctx)
			end(t, p)
			for _, f := range futures {
				require.ErrorIs(t, f.Err(s.ctx), producer.ErrClosed)
			}
			require.NoError(t, p.Close(s.ctx))
			require.Zero(t, p.Client().Pending())
		})
	}
}

func TestLocalAgainAndAgain(t *testing.T) {
	s := newStage(t)
	for range 5 {
		p := s.local(2)
		requireDoubled(s, submitDoubles(s, p.Client(), 10))
		require.NoError(t, p.Close(s.ctx))
		requireNoProcess(t, s.marker)
		requireNoDirectory(t, s.tmp)
		requireNoGoroutine(t)
	}
}

func TestProgramsThatCannotRunWorkers(t *testing.T) {
	for role, message := range map[string]string{
		"no main":     pool.ErrNoMain.Error(),
		"no handlers": consumer.ErrNoHandlers.Error(),
	} {
		t.Run(role, func(t *testing.T) {
			s := newStage(t)
			began := time.Now()
			require.Equal(t, message, s.program(role, params{}).output())
			require.Less(t, time.Since(began), cleanUpTimeout)
		})
	}
}
