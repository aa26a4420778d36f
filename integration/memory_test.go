package integration

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// memoryLimit is more than a process of ours has, also one that looks for races.
const memoryLimit = 200 << 20

// What takes too much memory ends, its child included, and nothing else does.
func TestMemoryLimit(t *testing.T) {
	for name, child := range map[string]bool{"the process": false, "its child": true} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			deaths := make(chan pool.Death, 100)
			p := s.local(2, pool.MemoryLimit(memoryLimit), pool.WithListener(pool.Listener{Died: func(d pool.Death) {
				if !d.Expected {
					deaths <- d
				}
			}}))
			c, g := p.Client(), newGate(t)
			bystander := submitVisit(s, c, g, "bystander")
			visitor := g.next(t, s.ctx)

			once, err := producer.Submit(s.ctx, c, hog, hogging{Times: 1, Child: child})
			require.NoError(t, err)
			result, err := once.Result(s.ctx)
			require.NoError(t, err)
			require.Equal(t, 2, result.Attempt)

			always, err := producer.Submit(s.ctx, c, hog, hogging{Times: 2, Child: child}, producer.Crashes(2))
			require.NoError(t, err)
			var died *codec.WorkerDiedError
			require.ErrorAs(t, always.Err(s.ctx), &died)
			require.True(t, died.OutOfMemory)
			require.Equal(t, "SIGKILL", died.Signal)
			require.Equal(t, "killed by signal SIGKILL, since it passed the memory limit of 209715200 bytes", died.Cause)
			require.ErrorContains(t, died, died.Cause)
			for range 3 {
				d := <-deaths
				require.True(t, d.Running)
				require.True(t, d.OutOfMemory)
				require.NotEqual(t, visitor.PID, d.PID)
			}
			require.Equal(t, map[codec.Cause]uint64{codec.CauseMemoryLimit: 3}, p.Supervisor().Status().Deaths)

			visitor.letGo()
			result, err = bystander.Result(s.ctx)
			require.NoError(t, err)
			require.Equal(t, seen{PID: visitor.PID, Attempt: 1}, result)
			require.Empty(t, deaths)
		})
	}
}

// A limit that processes pass before they are ready is reported as what it is.
func TestMemoryLimitBelowWhatAProcessNeeds(t *testing.T) {
	s := newStage(t)
	_, err := pool.Local(s.ctx, pool.Processes(1), pool.MemoryLimit(memoryLimit), pool.Initializer(hog, hogging{Times: 1}), pool.WithLogger(s.logger),
		pool.WithOutput(t.Output(), t.Output()))
	require.ErrorIs(t, err, pool.ErrNotReady)
	require.ErrorContains(t, err, "since it passed the memory limit of 209715200 bytes")
}
