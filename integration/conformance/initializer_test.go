package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// outfit is the argument of an initializer.
type outfit struct {
	Value    string
	Called   string // gets the process's id
	BrokenBy string // a file; while it is there the initializer fails
}

// outfitted is what a task finds in its process.
type outfitted struct {
	PID   int
	Value string
}

var (
	initialise = codec.NewFunc[outfit, struct{}]("DL.initialise")
	inspect    = codec.NewFunc[int, outfitted]("DL.inspect")
	// wardrobe is what initialise has set in this process.
	wardrobe string
)

func init() {
	consumer.Handle(initialise, func(_ context.Context, o outfit) (struct{}, error) {
		if err := note(o.Called, os.Getpid()); err != nil {
			return struct{}{}, err
		}
		if o.BrokenBy != "" {
			if _, err := os.Stat(o.BrokenBy); err == nil {
				return struct{}{}, errors.New("no clothes today")
			}
		}
		wardrobe = o.Value
		return struct{}{}, nil
	})
	consumer.Handle(inspect, func(context.Context, int) (outfitted, error) {
		return outfitted{os.Getpid(), wardrobe}, nil
	})
}

func inspectAll(t testing.TB, c *producer.Client, n int) (all []outfitted) {
	t.Helper()
	args := func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
	all, err := producer.Collect(producer.Map(soon(t), c, inspect, args, producer.Chunk(1)))
	require.NoError(t, err)
	require.Len(t, all, n)
	return all
}

func TestInitializer(t *testing.T) {
	// Every worker is initialised once before its first task, a replacement too;
	// other arguments give new workers. In Go a pool's initializer is fixed, so
	// they take another pool.
	t.Run("L1", func(t *testing.T) {
		var workers []int
		for _, value := range []string{"initialised", "otherwise"} {
			s := newScratch(t)
			died := make(chan pool.Death, 4)
			p := start(t, 2, pool.Initializer(initialise, outfit{Value: value, Called: s.file("called")}), deaths(died))
			require.ElementsMatch(t, p.Supervisor().PIDs(), s.pids("called"))
			for _, seen := range inspectAll(t, p.Client(), 100) {
				require.Equal(t, value, seen.Value)
				require.NotContains(t, workers, seen.PID)
				require.Contains(t, s.pids("called"), seen.PID)
			}
			victim := p.Supervisor().PIDs()[0]
			require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
			require.Equal(t, victim, next(t, died).PID)
			called := s.await("called", 3)
			require.Len(t, called, 3)
			require.NoError(t, p.Supervisor().Resize(soon(t), 3))
			require.Len(t, s.pids("called"), 4)
			for _, seen := range inspectAll(t, p.Client(), 100) {
				require.Equal(t, value, seen.Value)
				require.NotEqual(t, victim, seen.PID)
				require.Contains(t, s.pids("called"), seen.PID)
			}
			workers = s.pids("called")
		}
	})

	// An initializer that fails is logged, and its pool is broken: futures and
	// later submits fail in bounded time, with the cause. In Go such a pool does not
	// even start, unless its processes start on demand, or the initializer begins to
	// fail later. Of a fleet only that host is broken, and tasks are served elsewhere.
	t.Run("L2", func(t *testing.T) {
		s := newScratch(t)
		s.open("broken")
		failing := pool.Initializer(initialise, outfit{Called: s.file("called"), BrokenBy: s.file("broken")})
		_, err := pool.Local(soon(t), pool.Processes(2), quiet(), failing)
		require.ErrorIs(t, err, pool.ErrNotReady)
		require.ErrorContains(t, err, "no clothes today")

		var log logged
		p := start(t, 2, failing, pool.OnDemand(), log.option())
		requireBroken(t, p, submitErrand(t, p.Client(), errand{}))
		require.Contains(t, log.String(), "no clothes today")

		require.NoError(t, os.Remove(s.file("broken")))
		p = start(t, 2, failing)
		pidOf(t, submitErrand(t, p.Client(), errand{}))
		s.open("broken")
		f := submitErrand(t, p.Client(), errand{Started: s.file("started"), Forever: true}, producer.Crashes(100))
		s.await("started", 1)
		for _, pid := range p.Supervisor().PIDs() {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		}
		requireBroken(t, p, f)

		died := make(chan pool.Death, 100)
		p = start(t, 1)
		host := otherHost(t, p, failing, pool.OnDemand(), deaths(died))
		busy := submitErrand(t, p.Client(), errand{Started: s.file("busy"), Until: s.file("gate")})
		s.await("busy", 1)
		f = submitErrand(t, p.Client(), errand{})
		require.Equal(t, 1, next(t, died).ExitCode)
		s.open("gate")
		require.Equal(t, pidOf(t, busy), pidOf(t, f))
		require.NoError(t, host.Drain(soon(t)))
	})

	// A failing initializer leaks no process, no descriptor and no subscription,
	// and restarts are bounded.
	t.Run("L3", func(t *testing.T) {
		s := newScratch(t)
		s.open("broken")
		failing := pool.Initializer(initialise, outfit{Called: s.file("called"), BrokenBy: s.file("broken")})
		fail := func() {
			_, err := pool.Local(soon(t), pool.Processes(2), quiet(), failing)
			require.ErrorIs(t, err, pool.ErrNotReady)
		}
		fail() // so that what the runtime keeps for good is there
		descriptors, children := openFiles(t), childrenOf(t, os.Getpid())
		for range 3 {
			fail()
		}
		requireGone(t, s.pids("called")...)
		require.ElementsMatch(t, children, childrenOf(t, os.Getpid()))
		eventually(t, func() bool { return openFiles(t) <= descriptors }, "no more descriptors than %d", descriptors)

		// A subscription is a connection's, of which the failing host has one.
		died := make(chan pool.Death, 100)
		p := start(t, 1)
		pidOf(t, submitErrand(t, p.Client(), errand{})) // connected in every way
		sockets := openSockets(t)
		host := otherHost(t, p, failing, pool.OnDemand(), deaths(died))
		f := submitErrand(t, p.Client(), errand{Started: s.file("busy"), Until: s.file("gate")})
		s.await("busy", 1)
		waiting := submitErrand(t, p.Client(), errand{})
		began := time.Now()
		const failures = 6
		for range failures {
			require.False(t, next(t, died).Running)
		}
		require.GreaterOrEqual(t, time.Since(began), (100+200+400)*time.Millisecond, "each restart waits longer")
		require.NoError(t, host.Drain(soon(t)))
		eventually(t, func() bool { return openSockets(t) <= sockets }, "no more sockets than %d", sockets)
		s.open("gate")
		pidOf(t, f)
		pidOf(t, waiting)
	})
}

// requireBroken fails unless a future, and later submits, fail since the pool's
// processes do not start.
func requireBroken(t testing.TB, p *pool.Pool, f *producer.Future[int]) {
	t.Helper()
	isBroken := func(err error) {
		require.ErrorIs(t, err, producer.ErrClosed)
		require.ErrorIs(t, err, pool.ErrNotReady)
		require.ErrorContains(t, err, "no clothes today")
	}
	isBroken(f.Err(soon(t)))
	_, err := producer.Submit(soon(t), p.Client(), runErrand, errand{})
	isBroken(err)
	next(t, p.Supervisor().Stopped())
}

// deaths passes on the deaths of worker processes.
func deaths(to chan pool.Death) pool.Option {
	return pool.WithListener(pool.Listener{Died: func(d pool.Death) { to <- d }})
}

// next waits for what comes out of a channel next.
func next[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-soon(t).Done():
		require.FailNow(t, "waited too long")
		panic("unreachable")
	}
}

// otherHost starts a second worker host at a pool's broker.
func otherHost(t testing.TB, p *pool.Pool, options ...pool.Option) *pool.Supervisor {
	t.Helper()
	cfg, err := pool.Config{URL: p.Supervisor().URL(), Host: "elsewhere", Processes: 1}.With(append(options, quiet())...)
	require.NoError(t, err)
	s, err := pool.Start(soon(t), cfg)
	require.NoError(t, err)
	t.Cleanup(s.Kill)
	return s
}

// childrenOf returns a process's children, zombies included.
func childrenOf(t testing.TB, pid int) (all []string) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	require.NoError(t, err)
	for _, list := range lists {
		if data, err := os.ReadFile(list); err == nil {
			all = append(all, strings.Fields(string(data))...)
		}
	}
	return all
}

// openFiles counts this process's file descriptors.
func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

// openSockets counts this process's sockets.
func openSockets(t testing.TB) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && len(to) > 7 && to[:7] == "socket:" {
			n++
		}
	}
	return n
}
