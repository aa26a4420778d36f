package integration

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

func TestStatusTellsWhatRuns(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	before := time.Now()
	h := s.host(url, "kestrel", 2)
	status := h.Status()
	require.Regexp(t, "^[a-z0-9]{8}$", status.ID)
	require.Equal(t, "kestrel", status.Host)
	require.Equal(t, os.Getpid(), status.PID)
	require.Equal(t, producer.DefaultQueue, status.Queue)
	require.Equal(t, codec.HostServing, status.State)
	require.Equal(t, 2, status.Want)
	require.Positive(t, status.CPUs)
	require.Contains(t, status.Funcs, "attend")
	require.Len(t, status.Processes, 2)
	for i, p := range status.Processes {
		require.Equal(t, i, p.Place)
		require.Contains(t, h.PIDs(), p.PID)
		require.Equal(t, codec.ProcessIdle, p.State)
		require.True(t, p.Started.After(before))
	}
	require.Empty(t, status.Counts)

	g := newGate(t)
	f := submitVisit(s, s.client(url), g, "one")
	v := g.next(t, s.ctx)
	p := busy(t, h.Status())
	require.Equal(t, v.PID, p.PID)
	require.Equal(t, "attend", p.Func)
	require.Equal(t, f.ID().String(), p.Task)
	require.True(t, p.Since.After(p.Started))
	require.Zero(t, p.Limit)
	require.Equal(t, 1, p.Held)

	// Its death is told with what it ran, and another has its place.
	require.NoError(t, syscall.Kill(v.PID, syscall.SIGKILL))
	again := g.next(t, s.ctx)
	require.Eventually(t, func() bool {
		status = h.Status()
		return len(status.Latest) == 1 && status.Processes[p.Place].PID != 0
	}, patience, time.Millisecond)
	require.Len(t, status.Processes, 2)
	require.Equal(t, map[codec.Cause]uint64{codec.CauseSignal: 1}, status.Deaths)
	death := status.Latest[0]
	require.Equal(t, codec.ProcessDeath{
		Place: p.Place, PID: v.PID, At: death.At, Cause: codec.CauseSignal, Text: "killed by signal SIGKILL",
		Task: f.ID().String(), Func: "attend",
	}, death)
	heir := status.Processes[p.Place]
	require.Equal(t, p.Place, heir.Place)
	require.NotEqual(t, v.PID, heir.PID)
	require.Equal(t, &death, heir.Died)
	require.Nil(t, status.Processes[1-p.Place].Died)
	again.letGo()
	require.NoError(t, f.Err(s.ctx))
}

func busy(t *testing.T, status codec.HostStatus) codec.ProcessStatus {
	t.Helper()
	for _, p := range status.Processes {
		if p.State == codec.ProcessBusy {
			return p
		}
	}
	require.Fail(t, "no process is busy", "%+v", status.Processes)
	return codec.ProcessStatus{}
}

func TestCountsNeverFall(t *testing.T) {
	s := newStage(t)
	p := s.local(2)
	h := p.Supervisor()
	const tasks = 500
	requireDoubled(s, submitDoubles(s, p.Client(), tasks))
	for range 3 {
		f, err := producer.Submit(s.ctx, p.Client(), misbehave, "error")
		require.NoError(t, err)
		require.Error(t, f.Err(s.ctx))
	}
	f, err := producer.Submit(s.ctx, p.Client(), unknown, 1)
	require.NoError(t, err)
	require.ErrorIs(t, f.Err(s.ctx), codec.ErrUnknownFunc)
	counts := h.Status().Counts
	requireCount(t, counts["double"], tasks, nil)
	requireCount(t, counts["misbehave"], 3, map[codec.Code]uint64{codec.CodeError: 3})
	requireCount(t, counts["(other)"], 1, map[codec.Code]uint64{codec.CodeUnknownFunc: 1})

	// The processes die, idle ones and one with a task.
	awaitHandedOff(s, h)
	for _, pid := range h.PIDs() {
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		for s.ctx.Err() == nil && slices.Contains(h.PIDs(), pid) {
			requireCount(t, h.Status().Counts["double"], tasks, nil)
		}
	}
	g, err := producer.Submit(s.ctx, p.Client(), die, dying{"exit 3", 1})
	require.NoError(t, err)
	require.NoError(t, g.Err(s.ctx))
	awaitHandedOff(s, h)
	limited, err := producer.Submit(s.ctx, p.Client(), nap, patience, producer.Limit(10*time.Millisecond))
	require.NoError(t, err)
	require.ErrorIs(t, limited.Err(s.ctx), codec.ErrTimeLimit)
	status := awaitDeaths(s, h, 4)
	require.Equal(t, map[codec.Cause]uint64{codec.CauseSignal: 2, codec.CauseExit: 1, codec.CauseTimeLimit: 1}, status.Deaths)
	require.Len(t, status.Latest, 4)
	require.Contains(t, status.Latest[2].Stderr, "dying by exit 3")
	requireCount(t, status.Counts["double"], tasks, nil)
	requireCount(t, status.Counts["die"], 2, map[codec.Code]uint64{codec.CodeWorkerDied: 1})
	requireCount(t, status.Counts["nap"], 1, map[codec.Code]uint64{codec.CodeTimeLimit: 1})
	require.Greater(t, status.Counts["nap"].Run.Sum, 0.5, "the time until it died")
}

func requireCount(t *testing.T, c codec.FuncCount, attempts uint64, failed map[codec.Code]uint64) {
	t.Helper()
	require.Equal(t, attempts, c.Attempts)
	for _, h := range []codec.Histogram{c.Run, c.Wait} {
		total := uint64(0)
		for _, n := range h.Counts {
			total += n
		}
		require.Equal(t, attempts, total)
		require.Positive(t, h.Sum)
	}
	require.Len(t, c.Failed, len(failed))
	for code, n := range failed {
		require.Equal(t, n, c.Failed[code], code)
	}
}
