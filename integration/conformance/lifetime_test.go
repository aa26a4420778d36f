package conformance

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

var (
	// leak keeps so many bytes for good, and returns the process's id.
	leak   = codec.NewFunc[int, int]("DL.leak")
	leaked [][]byte
	// slowly has an argument that takes its time to be encoded.
	slowly = codec.NewFunc[slow, int]("DL.slowly")
)

// slow is encoded no sooner than After.
type slow struct{ After time.Duration }

func (s slow) MarshalText() ([]byte, error) {
	<-time.After(s.After)
	return []byte(s.After.String()), nil
}

func (s *slow) UnmarshalText(text []byte) (err error) {
	s.After, err = time.ParseDuration(string(text))
	return err
}

func init() {
	consumer.Handle(leak, func(_ context.Context, bytes int) (int, error) {
		more := make([]byte, bytes)
		for i := 0; i < len(more); i += os.Getpagesize() {
			more[i] = 1
		}
		leaked = append(leaked, more)
		return os.Getpid(), nil
	})
	consumer.Handle(slowly, func(context.Context, slow) (int, error) { return os.Getpid(), nil })
}

func TestLifetime(t *testing.T) {
	t.Parallel()
	// Tasks submitted one after the other are done by one process; tasks submitted
	// now and then together by no more processes than there may be.
	t.Run("L4", func(t *testing.T) {
		p := start(t, 3, pool.OnDemand())
		require.Empty(t, p.Supervisor().PIDs())
		one := pidOf(t, submitErrand(t, p.Client(), errand{}))
		for range 20 {
			require.Equal(t, one, pidOf(t, submitErrand(t, p.Client(), errand{})))
		}
		require.Equal(t, []int{one}, p.Supervisor().PIDs())

		var seen []int
		for range 10 {
			for _, f := range submitErrands(t, p.Client(), 4, errand{}) {
				seen = append(seen, pidOf(t, f))
			}
			seen = append(seen, pidOf(t, submitErrand(t, p.Client(), errand{})))
		}
		slices.Sort(seen)
		require.LessOrEqual(t, len(slices.Compact(seen)), 3)
		require.Contains(t, seen, one)
		require.LessOrEqual(t, len(p.Supervisor().PIDs()), 3)

		s := newScratch(t)
		futures := submitErrands(t, p.Client(), 3, errand{Started: s.file("started"), Until: s.file("gate")})
		require.Len(t, distinct(s.await("started", 3)), 3, "as many processes as may be, once there is work for them")
		s.open("gate")
		for _, f := range futures {
			pidOf(t, f)
		}
	})

	// With a limit of three tasks, the process is the same three times, then
	// another, and there is one at a time. In Go a chunk of tasks counts as so
	// many.
	t.Run("L5", func(t *testing.T) {
		p := start(t, 1, pool.MaxTasks(3))
		var pids []int
		for range 9 {
			pids = append(pids, pidOf(t, submitErrand(t, p.Client(), errand{})))
			require.LessOrEqual(t, len(p.Supervisor().PIDs()), 1)
		}
		requireThrees(t, pids)

		pids = nil
		for _, f := range submitErrands(t, p.Client(), 9, errand{}) {
			pids = append(pids, pidOf(t, f))
		}
		requireThrees(t, pids)
	})

	// 6 tasks for processes of one task each, and shutdown at once: all results.
	t.Run("L9", func(t *testing.T) {
		for range 3 {
			p := start(t, 3, pool.MaxTasks(1))
			futures := submitErrands(t, p.Client(), 6, errand{})
			require.NoError(t, p.Close(soon(t)))
			var pids []int
			for _, f := range futures {
				pids = append(pids, pidOf(t, f))
			}
			require.Len(t, distinct(pids), 6)
		}
	})

	// Bad limits are refused where they are given.
	t.Run("L10", func(t *testing.T) {
		for _, n := range []int{0, -1} {
			for _, option := range []pool.Option{
				pool.MaxTasks(n), pool.Processes(n), pool.MaxMemory(int64(n)), pool.IdleTimeout(time.Duration(n)),
			} {
				_, err := pool.Local(soon(t), option)
				require.ErrorIs(t, err, pool.ErrConfig)
			}
		}
		for _, cfg := range []pool.Config{
			{Processes: -1}, {Processes: 1 << 20}, {MaxTasks: -1}, {MaxMemory: -1}, {IdleTimeout: -1},
		} {
			_, err := pool.Start(soon(t), cfg)
			require.ErrorIs(t, err, pool.ErrConfig)
		}
		p := start(t, 1)
		for _, n := range []int{0, -1, 1 << 20} {
			require.ErrorIs(t, p.Supervisor().Resize(soon(t), n), pool.ErrConfig)
		}
		for _, d := range []time.Duration{0, -1} {
			_, err := producer.Submit(soon(t), p.Client(), runErrand, errand{}, producer.Limit(d))
			require.ErrorIs(t, err, producer.ErrOption)
		}
		pidOf(t, submitErrand(t, p.Client(), errand{}))
	})

	// A worker that leaks memory is replaced, so its id changes, and no task is
	// lost.
	t.Run("L11", func(t *testing.T) {
		const tasks, bytes = 16, 32 << 20
		died := make(chan pool.Death, tasks)
		c := client(t, 1, pool.MaxMemory(128<<20), deaths(died))
		var futures []*producer.Future[int]
		for range tasks {
			f, err := producer.Submit(soon(t), c, leak, bytes)
			require.NoError(t, err)
			futures = append(futures, f)
		}
		var pids []int
		for _, f := range futures {
			pids = append(pids, pidOf(t, f))
		}
		require.Greater(t, len(distinct(pids)), 1)
		first := next(t, died)
		require.True(t, first.Expected)
		require.Equal(t, pids[0], first.PID)
	})

	// Idle workers leave, come back when there is work, and shutdown is clean
	// whether they are there or leaving.
	t.Run("L12", func(t *testing.T) {
		const idle = 20 * time.Millisecond
		died := make(chan pool.Death, 100)
		p := start(t, 2, pool.IdleTimeout(idle), deaths(died))
		var gone []int
		for range 3 {
			eventually(t, func() bool { return len(p.Supervisor().PIDs()) == 0 }, "idle processes to leave")
			for range 2 {
				death := next(t, died)
				require.True(t, death.Expected)
				gone = append(gone, death.PID)
			}
			s := newScratch(t)
			futures := submitErrands(t, p.Client(), 2, errand{Started: s.file("started"), Until: s.file("gate")})
			s.await("started", 2)
			s.open("gate")
			for _, f := range futures {
				require.NotContains(t, gone, pidOf(t, f))
			}
		}
		require.NoError(t, p.Close(soon(t)))
		require.Empty(t, p.Supervisor().PIDs())

		for i := range 5 {
			died := make(chan pool.Death, 100)
			p := start(t, 2, pool.IdleTimeout(idle), deaths(died))
			pids := p.Supervisor().PIDs()
			f := submitErrand(t, p.Client(), errand{})
			for range i % 3 {
				next(t, died)
			}
			require.NoError(t, p.Close(soon(t)))
			pidOf(t, f)
			for _, pid := range pids {
				require.False(t, alive(pid))
			}
		}
	})

	// Workers leave while tasks are being published slowly, and all tasks are
	// done.
	t.Run("L13", func(t *testing.T) {
		const idle = 15 * time.Millisecond
		died := make(chan pool.Death, 1000)
		c := client(t, 2, pool.IdleTimeout(idle), deaths(died))
		var futures []*producer.Future[int]
		for i := range 40 {
			f, err := producer.Submit(soon(t), c, slowly, slow{time.Duration(i%20) * idle / 10})
			require.NoError(t, err)
			futures = append(futures, f)
			if i%2 == 0 { // now the process becomes idle when the next is sent
				pidOf(t, f)
			}
		}
		var pids []int
		for _, f := range futures {
			pids = append(pids, pidOf(t, f))
		}
		require.Greater(t, len(distinct(pids)), 1)
		require.True(t, next(t, died).Expected)
		require.NoError(t, c.Close(soon(t)))
	})
}

// distinct returns each id once.
func distinct(pids []int) []int {
	pids = slices.Sorted(slices.Values(pids))
	return slices.Compact(pids)
}

// requireThrees fails unless ids come three times each.
func requireThrees(t testing.TB, pids []int) {
	t.Helper()
	counts := map[int]int{}
	for _, pid := range pids {
		counts[pid]++
	}
	require.Len(t, counts, len(pids)/3)
	for pid, n := range counts {
		require.Equal(t, 3, n, "tasks of process %d in %v", pid, pids)
	}
}
