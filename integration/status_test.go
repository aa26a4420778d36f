package integration

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
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
	for _, pid := range h.PIDs() {
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		for died(h.Status()) == 0 {
			requireCount(t, h.Status().Counts["double"], tasks, nil)
		}
	}
	g, err := producer.Submit(s.ctx, p.Client(), die, dying{"exit 3", 1})
	require.NoError(t, err)
	require.NoError(t, g.Err(s.ctx))
	limited, err := producer.Submit(s.ctx, p.Client(), nap, patience, producer.Limit(10*time.Millisecond))
	require.NoError(t, err)
	require.ErrorIs(t, limited.Err(s.ctx), codec.ErrTimeLimit)
	require.Eventually(t, func() bool { return died(h.Status()) == 4 }, patience, time.Millisecond)

	status := h.Status()
	require.Equal(t, map[codec.Cause]uint64{codec.CauseSignal: 2, codec.CauseExit: 1, codec.CauseTimeLimit: 1}, status.Deaths)
	require.Len(t, status.Latest, 4)
	require.Contains(t, status.Latest[2].Stderr, "dying by exit 3")
	requireCount(t, status.Counts["double"], tasks, nil)
	requireCount(t, status.Counts["die"], 2, map[codec.Code]uint64{codec.CodeWorkerDied: 1})
	requireCount(t, status.Counts["nap"], 1, map[codec.Code]uint64{codec.CodeTimeLimit: 1})
	require.Greater(t, status.Counts["nap"].Run.Sum, 0.5, "the time until it died")
}

func died(status codec.HostStatus) (n uint64) {
	for _, deaths := range status.Deaths {
		n += deaths
	}
	return n
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

// watched gives what is told while somebody watches, to add up spans.
type watched struct {
	s     *stage
	watch *fleet.Watch
}

func (s *stage) watch(url string) *watched {
	s.t.Helper()
	f, err := fleet.Connect(s.ctx, url, fleet.WithLogger(s.logger))
	require.NoError(s.t, err)
	s.t.Cleanup(f.Close)
	w, err := f.Watch(s.ctx)
	require.NoError(s.t, err)
	s.t.Cleanup(w.Close)
	return &watched{s, w}
}

// next gives the next heartbeat that holds what a test waits for.
func (w *watched) next(wanted func(codec.HostStatus) bool) codec.HostStatus {
	w.s.t.Helper()
	for {
		select {
		case status, ok := <-w.watch.Updates():
			require.True(w.s.t, ok)
			if wanted(status) {
				return status
			}
		case <-w.s.ctx.Done():
			require.FailNow(w.s.t, "no such heartbeat")
		}
	}
}

func TestSpansOfWhatEnded(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	h := s.host(url, "kestrel", 1)
	c := s.client(url)
	w := s.watch(url)
	w.next(func(status codec.HostStatus) bool { return status.ID == h.Status().ID })
	started := time.Now()

	for i := range 3 {
		f, err := producer.Submit(s.ctx, c, nap, 5*time.Millisecond)
		require.NoError(t, err)
		require.NoError(t, f.Err(s.ctx))
		require.Equal(t, uint64(i), f.ID().N)
	}
	const short = 2000
	requireDoubled(s, submitDoubles(s, c, short))
	dead, err := producer.Submit(s.ctx, c, die, dying{"SIGKILL", 1})
	require.NoError(t, err)
	require.NoError(t, dead.Err(s.ctx))

	var naps, doubles []codec.Span
	var deaths []codec.Span
	count := 0
	w.next(func(status codec.HostStatus) bool {
		for _, span := range status.Spans {
			require.False(t, span.Start.Before(started))
			require.False(t, span.End.Before(span.Start))
			switch {
			case span.Func == "nap":
				naps = append(naps, span)
			case span.Func == "double":
				doubles = append(doubles, span)
				count += span.Count
			case span.Failed == codec.CodeWorkerDied:
				deaths = append(deaths, span)
			}
		}
		return count >= short && len(deaths) > 0
	})
	require.Len(t, naps, 3)
	for i, span := range naps {
		require.Equal(t, 1, span.Count)
		require.Equal(t, codec.ID{Client: dead.ID().Client, N: uint64(i)}.String(), span.Task)
		require.GreaterOrEqual(t, span.End.Sub(span.Start), 5*time.Millisecond)
	}
	require.Equal(t, short, count, "each is told once")
	require.Less(t, len(doubles), short/2, "short ones go together")
	require.Len(t, deaths, 1)
	require.Equal(t, dead.ID().String(), deaths[0].Task)
	require.Equal(t, "die", deaths[0].Func)
}

func TestHostsAreFollowed(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	f, err := fleet.Connect(s.ctx, url, fleet.WithLogger(s.logger))
	require.NoError(t, err)
	defer f.Close()
	hosts, err := f.Hosts(s.ctx)
	require.NoError(t, err)
	require.Empty(t, hosts)

	doomed := s.hostProgram(url, "doomed", 1)
	leaving := s.host(url, "leaving", 1)
	require.Eventually(t, func() bool { // a slow machine may not answer in time
		hosts, err = f.Hosts(s.ctx)
		require.NoError(t, err)
		return len(hosts) == 2
	}, patience, time.Millisecond)
	require.Equal(t, "doomed", hosts[0].Host)
	require.Equal(t, leaving.Status().ID, hosts[1].ID)
	require.Positive(t, hosts[1].Memory)
	require.Positive(t, hosts[1].Processes[0].Memory)

	w := s.watch(url)
	w.next(func(status codec.HostStatus) bool { return status.Host == "leaving" })
	require.NoError(t, leaving.Drain(s.ctx))
	last := w.next(func(status codec.HostStatus) bool { return status.State == codec.HostStopped })
	require.Equal(t, "leaving", last.Host)
	require.Empty(t, last.Processes)
	require.Equal(t, codec.HostStopped, leaving.Status().State)

	doomed.kill()
	find := func() (all map[string]fleet.Host) {
		all = map[string]fleet.Host{}
		for _, host := range w.watch.Hosts() {
			all[host.Host] = host
		}
		return all
	}
	require.False(t, find()["doomed"].Lost)
	require.Eventually(t, func() bool { return find()["doomed"].Lost }, patience, 10*time.Millisecond)
	require.False(t, find()["leaving"].Lost, "it has said that it stops")
	hosts, err = f.Hosts(s.ctx)
	require.NoError(t, err)
	require.Empty(t, hosts)
}

// A host that is killed, unready or frozen says what it was.
func TestCausesOfDeath(t *testing.T) {
	s := newStage(t)
	p := s.local(1)
	h := p.Supervisor()
	g := newGate(t)
	f := submitVisit(s, p.Client(), g, "stopped")
	g.next(t, s.ctx)
	f.Kill()
	require.Error(t, f.Err(s.ctx))
	require.Eventually(t, func() bool { return died(h.Status()) == 1 }, patience, time.Millisecond)
	status := h.Status()
	require.Equal(t, codec.CauseCancelled, status.Latest[0].Cause, fmt.Sprint(status.Latest))
	require.EqualValues(t, 1, status.Counts["attend"].Failed[codec.CodeCancelled])

	require.NoError(t, h.Resize(s.ctx, 3))
	require.NoError(t, h.Resize(s.ctx, 1))
	require.Len(t, h.Status().Processes, 1)
	require.EqualValues(t, 1, died(h.Status()), "to leave is no death")
}
