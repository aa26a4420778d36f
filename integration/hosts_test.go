package integration

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/producer"
)

// watched returns what is told while somebody watches, to add up spans.
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

// next returns the next heartbeat that holds what a test waits for.
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
	awaitHandedOff(s, h)
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
	heard := map[string]bool{}
	w.next(func(status codec.HostStatus) bool {
		heard[status.Host] = true
		return len(heard) == 2
	})
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
	require.Contains(t, find(), "doomed")
	require.False(t, find()["doomed"].Lost)
	require.Eventually(t, func() bool { return find()["doomed"].Lost }, patience, 10*time.Millisecond)
	require.False(t, find()["leaving"].Lost, "it has said that it stops")
	hosts, err = f.Hosts(s.ctx)
	require.NoError(t, err)
	require.Empty(t, hosts)
}
