package conformance

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// oddNames has fields whose names mean something elsewhere.
type oddNames struct {
	Self int            `msgpack:"self"`
	Fn   int            `msgpack:"fn"`
	Func string         `msgpack:"func"`
	Type *int           `msgpack:"type"`
	Args map[string]int `msgpack:"*args"`
}

var (
	pow    = codec.NewFunc[[2]int, int]("S.pow")
	mirror = codec.NewFunc[oddNames, oddNames]("S.mirror")
	count  = codec.NewFunc[struct{}, int]("S.count")
	getenv = codec.NewFunc[string, string]("S.getenv")

	counter int // of calls of count in this process
)

func init() {
	consumer.Handle(pow, func(_ context.Context, a [2]int) (int, error) {
		result := 1
		for range a[1] {
			result *= a[0]
		}
		return result, nil
	})
	consumer.Handle(mirror, func(_ context.Context, p oddNames) (oddNames, error) { return p, nil })
	consumer.Handle(count, func(context.Context, struct{}) (int, error) { counter++; return counter, nil })
	consumer.Handle(getenv, func(_ context.Context, name string) (string, error) { return os.Getenv(name), nil })
}

// call submits a call and waits for its result, which must come.
func call[A, R any](t testing.TB, c *producer.Client, f codec.Func[A, R], arg A) R {
	t.Helper()
	future, err := producer.Submit(soon(t), c, f, arg)
	require.NoError(t, err)
	result, err := future.Result(soon(t))
	require.NoError(t, err)
	return result
}

// await waits for what a channel brings.
func await[T any](t testing.TB, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-soon(t).Done():
		require.FailNow(t, "nothing comes")
	}
	return v
}

func TestSubmit(t *testing.T) {
	p := start(t, 2)
	c := p.Client()

	// A call gives its value, whatever its arguments are called; an executor has
	// at least one worker.
	t.Run("S1", func(t *testing.T) {
		require.Equal(t, 256, call(t, c, pow, [2]int{2, 8}))
		seven := 7
		odd := oddNames{Self: 2, Fn: 3, Func: "pow", Type: &seven, Args: map[string]int{"self": 1, "fn": 2, "": 3}}
		require.Equal(t, odd, call(t, c, mirror, odd))
		require.Equal(t, oddNames{}, call(t, c, mirror, oddNames{}))

		for _, n := range []int{0, -1} {
			none, err := pool.Local(soon(t), pool.Processes(n), quiet())
			require.ErrorIs(t, err, pool.ErrConfig)
			require.ErrorContains(t, err, "must be greater than 0")
			require.Nil(t, none)
		}
		host, err := pool.Start(soon(t), pool.Config{URL: p.Supervisor().URL(), Processes: -1})
		require.ErrorIs(t, err, pool.ErrConfig)
		require.Nil(t, host)
	})

	// Two workers are two processes, and both get work. However many tasks there
	// are, there are no more workers, and all tasks finish.
	t.Run("S6", func(t *testing.T) {
		s := newScratch(t)
		e := errand{Started: s.file("started"), Until: s.file("go")}
		futures := submitErrands(t, c, 15*2, e)
		busy := s.await("started", 2)
		require.Len(t, busy, 2)
		require.NotEqual(t, busy[0], busy[1])
		running := 0
		for _, f := range futures {
			if f.State() == producer.Running {
				running++
			}
		}
		require.LessOrEqual(t, running, 2)
		s.open("go")
		for _, f := range futures {
			require.Contains(t, busy, pidOf(t, f))
		}
		require.Len(t, s.pids("started"), len(futures))
		require.ElementsMatch(t, busy, p.Supervisor().PIDs())
	})

	// Each pool has its environment. What a task changes in its worker's globals
	// the worker's next task finds, and nobody else.
	t.Run("S16", func(t *testing.T) {
		const name = "CONFORMANCE_S16"
		other := client(t, 1, pool.Env(name+"=other", "HOME=/nowhere"))
		require.Equal(t, "other", call(t, other, getenv, name))
		require.Equal(t, "/nowhere", call(t, other, getenv, "HOME"))
		require.Equal(t, os.Getenv("PATH"), call(t, other, getenv, "PATH"))
		require.Empty(t, call(t, c, getenv, name))
		require.Equal(t, os.Getenv("HOME"), call(t, c, getenv, "HOME"))
		require.Empty(t, os.Getenv(name))

		var counts []int
		for range 3 {
			counts = append(counts, call(t, other, count, struct{}{}))
		}
		require.Equal(t, []int{1, 2, 3}, counts)
		require.Zero(t, counter)
		require.Equal(t, 1, call(t, c, count, struct{}{}))
	})
}
