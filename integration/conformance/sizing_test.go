package conformance

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// tree is the argument of a func that calls itself: Width calls to each level,
// Depth levels below.
type tree struct{ Depth, Width int }

var (
	// countLeaves counts the leaves by calls from inside its task.
	countLeaves = codec.NewFunc[tree, int]("DL.count_leaves", codec.WithErrors(codec.ErrDepth))
	// poolInside has a pool of its own do an errand, and returns the process's id.
	poolInside = codec.NewFunc[int, int]("DL.pool_inside")
	// fleetInside has a pool of its own that never ends do an errand that never
	// ends, with a child; it notes their ids and its own in a file.
	fleetInside = codec.NewFunc[string, int]("DL.fleet_inside")
)

func init() {
	consumer.Handle(countLeaves, func(ctx context.Context, at tree) (int, error) {
		if at.Depth == 0 {
			return 1, nil
		}
		c, err := pool.Client(ctx)
		if err != nil {
			return 0, err
		}
		branches := make([]*producer.Future[int], at.Width)
		for i := range branches {
			if branches[i], err = producer.Submit(ctx, c, countLeaves, tree{at.Depth - 1, at.Width}); err != nil {
				return 0, err
			}
		}
		leaves := 0
		for _, branch := range branches {
			n, err := branch.Result(ctx)
			if err != nil {
				return 0, err
			}
			leaves += n
		}
		return leaves, nil
	})
	consumer.Handle(poolInside, func(ctx context.Context, levels int) (int, error) {
		p, err := pool.Local(ctx, pool.Processes(1), quiet())
		if err != nil {
			return 0, err
		}
		f, err := producer.Submit(ctx, p.Client(), runErrand, errand{})
		if levels > 1 {
			f, err = producer.Submit(ctx, p.Client(), poolInside, levels-1)
		}
		if err != nil {
			return 0, err
		}
		pid, err := f.Result(ctx)
		if err != nil {
			return 0, err
		}
		return pid, p.Close(ctx)
	})
	consumer.Handle(fleetInside, func(ctx context.Context, file string) (int, error) {
		p, err := pool.Local(ctx, pool.Processes(1), quiet())
		if err != nil {
			return 0, err
		}
		if err := note(file, os.Getpid()); err != nil {
			return 0, err
		}
		forever := errand{Started: file, Child: file, Forever: true, Deaf: true}
		f, err := producer.Submit(ctx, p.Client(), longErrand, forever)
		if err != nil {
			return 0, err
		}
		return f.Result(context.Background())
	})
}

func TestSizing(t *testing.T) {
	t.Parallel()
	// Shrinking keeps old workers and waits for running work; growing adds; both
	// work after idle workers have left.
	t.Run("L14", func(t *testing.T) {
		p, s := start(t, 3), newScratch(t)
		old := p.Supervisor().PIDs()
		busy := submitErrands(t, p.Client(), 2, errand{Started: s.file("started"), Until: s.file("gate")})
		running := s.await("started", 2)
		shrunk := make(chan error, 1)
		go func() { shrunk <- p.Supervisor().Resize(soon(t), 1) }()
		eventually(t, func() bool { return len(p.Supervisor().PIDs()) == 2 }, "the idle process to leave")
		require.ElementsMatch(t, running, p.Supervisor().PIDs(), "the idle one goes first")
		require.Empty(t, shrunk, "running work is waited for")
		s.open("gate")
		require.NoError(t, next(t, shrunk))
		for _, f := range busy {
			require.Contains(t, running, pidOf(t, f))
		}
		kept := p.Supervisor().PIDs()
		require.Len(t, kept, 1)
		require.Subset(t, old, kept)
		require.Equal(t, kept[0], pidOf(t, submitErrand(t, p.Client(), errand{})))

		require.NoError(t, p.Supervisor().Resize(soon(t), 3))
		grown := p.Supervisor().PIDs()
		require.Len(t, grown, 3)
		require.Subset(t, grown, kept)
		require.NoError(t, p.Supervisor().Resize(soon(t), 3))
		require.ElementsMatch(t, grown, p.Supervisor().PIDs())
		requireAllAtOnce(t, p, 3)

		p = start(t, 2, pool.IdleTimeout(4*look))
		for _, n := range []int{1, 3} {
			eventually(t, func() bool { return len(p.Supervisor().PIDs()) == 0 }, "idle processes to leave")
			require.NoError(t, p.Supervisor().Resize(soon(t), n))
			requireAllAtOnce(t, p, n)
		}
	})

	// In a pool of 2N+2 processes as many tasks all run at once, so no task waits
	// behind another while a worker is idle; also when the client has seen only
	// short ones and sent them together.
	t.Run("L17", func(t *testing.T) {
		const processes = 2*2 + 2
		p := start(t, processes)
		for range 3 {
			requireAllAtOnce(t, p, processes)
			for _, f := range submitErrands(t, p.Client(), 100, errand{}) {
				pidOf(t, f)
			}
		}
		s := newScratch(t)
		futures := make([]*producer.Future[int], processes)
		for i := range futures {
			var err error
			futures[i], err = producer.Submit(soon(t), p.Client(), runErrand, errand{Started: s.file("started"), Until: s.file("gate")})
			require.NoError(t, err)
		}
		require.Len(t, distinct(s.await("started", processes)), processes)
		s.open("gate")
		for _, f := range futures {
			pidOf(t, f)
		}
	})

	// Pools within pools end: calls from inside a task into its own pool, of which
	// every process waits, deeper ones than allowed, and pools of a task's own.
	t.Run("L18", func(t *testing.T) {
		for processes, call := range map[int]tree{1: {Depth: 10, Width: 1}, 2: {Depth: 3, Width: 3}} {
			p := start(t, processes)
			f, err := producer.Submit(soon(t), p.Client(), countLeaves, call)
			require.NoError(t, err)
			leaves, err := f.Result(soon(t))
			require.NoError(t, err)
			want := 1
			for range call.Depth {
				want *= call.Width
			}
			require.Equal(t, want, leaves)

			f, err = producer.Submit(soon(t), p.Client(), countLeaves, tree{Depth: 11, Width: 1})
			require.NoError(t, err)
			require.ErrorIs(t, f.Err(soon(t)), codec.ErrDepth)
			eventually(t, func() bool { return len(p.Supervisor().PIDs()) == processes }, "the stand-ins to leave")
		}

		p := start(t, 1)
		f, err := producer.Submit(soon(t), p.Client(), poolInside, 2)
		require.NoError(t, err)
		require.NotContains(t, p.Supervisor().PIDs(), pidOf(t, f))
	})
}

// requireAllAtOnce fails unless n tasks run at once, each in a process of its
// own.
func requireAllAtOnce(t *testing.T, p *pool.Pool, n int) {
	t.Helper()
	s := newScratch(t)
	futures := submitErrands(t, p.Client(), n, errand{Started: s.file("started"), Until: s.file("gate")})
	started := s.await("started", n)
	require.Len(t, distinct(started), n)
	s.open("gate")
	var pids []int
	for _, f := range futures {
		pids = append(pids, pidOf(t, f))
	}
	slices.Sort(started)
	require.ElementsMatch(t, started, pids)
}
