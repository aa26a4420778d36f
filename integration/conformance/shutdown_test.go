package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

var (
	// unencodable has an argument that cannot be sent.
	unencodable = codec.NewFunc[chan int, int]("DL.unencodable")
	// resultless has a result that cannot be.
	resultless = codec.NewFunc[int, func()]("DL.resultless")
)

func init() {
	consumer.Handle(unencodable, func(context.Context, chan int) (int, error) { return 0, nil })
	consumer.Handle(resultless, func(context.Context, int) (func(), error) { return func() {}, nil })
	roles["ends with Close"] = endsWithClose
	roles["ends without Close"] = endsWithoutClose
	roles["drops its pool"] = dropsItsPool
}

func TestShutdown(t *testing.T) {
	// Submitting after shutdown is an error, and a second shutdown is fine.
	t.Run("D1", func(t *testing.T) {
		p := start(t, 1)
		require.NoError(t, p.Close(soon(t)))
		_, err := producer.Submit(soon(t), p.Client(), runErrand, errand{})
		require.ErrorIs(t, err, producer.ErrClosed)
		require.NoError(t, p.Close(soon(t)))
		require.NoError(t, p.Client().Close(soon(t)))
		_, err = producer.Submit(soon(t), p.Client(), runErrand, errand{})
		require.ErrorIs(t, err, producer.ErrClosed)
	})

	// A program that ends after submit leaves its outputs and no word on stderr;
	// submitting while it exits is an error, not a hang. In Go nothing runs at
	// exit: the deferred Close waits, and without it the program ends at once,
	// with its processes.
	t.Run("D2", func(t *testing.T) {
		s := newScratch(t)
		stdout, stderr := runProgram(t, "ends with Close", s.dir)
		require.Equal(t, "submitted\nrefused: true\n", stdout)
		require.Empty(t, stderr)
		require.Len(t, s.pids("finished"), 3)
		require.ElementsMatch(t, s.pids("started"), s.pids("finished"))
		requireGone(t, s.pids("finished")...)

		s = newScratch(t)
		stdout, stderr = runProgram(t, "ends without Close", s.dir)
		require.Equal(t, "submitted\n", stdout)
		require.Empty(t, stderr)
		requireGone(t, s.pids("started")...)
		requireGone(t, s.pids("child")...)
		require.Empty(t, s.pids("finished"))
	})

	// 50 tasks, shutdown, and all the results are there.
	t.Run("D3", func(t *testing.T) {
		p := start(t, 2)
		futures := submitErrands(t, p.Client(), 50, errand{})
		require.NoError(t, p.Close(soon(t)))
		for _, f := range futures {
			require.Equal(t, producer.Finished, f.State())
			pidOf(t, f)
		}
	})

	// 50 tasks, shutdown with cancelling: more than 20 are cancelled, at least
	// one finishes, none is left pending.
	t.Run("D4", func(t *testing.T) {
		p, s := start(t, 2), newScratch(t)
		futures := submitErrands(t, p.Client(), 50, errand{Until: s.file("gate")})
		eventually(t, func() bool {
			return slices.ContainsFunc(futures, func(f *producer.Future[int]) bool { return f.State() == producer.Running })
		}, "a task to run")
		p.Client().Stop()
		cancelled := cancels(t, p.Client().CancelPending)
		s.open("gate")
		require.NoError(t, p.Close(soon(t)))
		states := map[producer.State]int{}
		for _, f := range futures {
			states[f.State()]++
			if f.State() == producer.Cancelled {
				require.ErrorIs(t, f.Err(soon(t)), codec.ErrCancelled)
			} else {
				pidOf(t, f)
			}
		}
		require.Greater(t, cancelled, 20)
		require.Equal(t, cancelled, states[producer.Cancelled])
		require.GreaterOrEqual(t, states[producer.Finished], 1)
		require.Equal(t, 50, states[producer.Finished]+states[producer.Cancelled])
	})

	// Work completes and no worker process is left: by shutdown, at the end of a
	// with statement, also by an error, and when the executor is dropped. In Go
	// the dropped pool's work completes too, a warning tells of the pool, and its
	// processes go with the program.
	t.Run("D7", func(t *testing.T) {
		s := newScratch(t)
		p := start(t, 3)
		futures := submitErrands(t, p.Client(), 12, errand{Started: s.file("started")})
		pids := p.Supervisor().PIDs()
		require.Len(t, pids, 3)
		require.NoError(t, p.Close(soon(t)))
		for _, f := range futures {
			require.Contains(t, pids, pidOf(t, f))
		}
		require.Empty(t, p.Supervisor().PIDs())
		requireGone(t, pids...)

		p = start(t, 1)
		pids = p.Supervisor().PIDs()
		var f *producer.Future[int]
		require.PanicsWithValue(t, "the body's error", func() {
			defer p.Close(soon(t))
			f = submitErrand(t, p.Client(), errand{})
			panic("the body's error")
		})
		require.Equal(t, producer.Finished, f.State())
		requireGone(t, pids...)

		s = newScratch(t)
		stdout, stderr := runProgram(t, "drops its pool", s.dir)
		require.Equal(t, "completed\n", stdout)
		require.Contains(t, stderr, "without Close")
		requireGone(t, s.await("started", 3)...)
	})

	// Without waiting, Submit is refused, and running results still arrive.
	t.Run("D8", func(t *testing.T) {
		c, s := client(t, 2), newScratch(t)
		futures := submitErrands(t, c, 5, errand{Started: s.file("started"), Until: s.file("gate")})
		s.await("started", 2)
		c.Stop()
		_, err := producer.Submit(soon(t), c, runErrand, errand{})
		require.ErrorIs(t, err, producer.ErrClosed)
		s.open("gate")
		for _, f := range futures {
			pidOf(t, f)
		}
	})

	// Without waiting but with cancelling, each task has run fully or not at all.
	t.Run("D9", func(t *testing.T) {
		for range 3 {
			p, s := start(t, 2), newScratch(t)
			futures := make([]*producer.Future[int], 10)
			for i := range futures {
				futures[i] = submitErrand(t, p.Client(), errand{
					Started: s.file(fmt.Sprint("started", i)), Until: s.file("gate"), Finished: s.file(fmt.Sprint("finished", i)),
				})
			}
			p.Client().Stop()
			cancels(t, p.Client().CancelPending)
			s.open("gate")
			require.NoError(t, p.Close(soon(t)))
			for i, f := range futures {
				require.True(t, f.State().Done())
				started, finished := s.pids(fmt.Sprint("started", i)), s.pids(fmt.Sprint("finished", i))
				require.Equal(t, started, finished)
				if f.State() == producer.Finished {
					require.Equal(t, []int{pidOf(t, f)}, finished)
				}
			}
		}
	})

	// A task more than there are processes, then shutdown, does not hang, ×50.
	t.Run("D11", func(t *testing.T) {
		const processes = 2
		var all sync.WaitGroup
		turns := make(chan struct{}, 4)
		for range 50 {
			turns <- struct{}{}
			all.Go(func() {
				defer func() { <-turns }()
				shutDownRightAway(t, processes)
			})
		}
		all.Wait()
	})

	// An encode error, of an argument or of a result, then shutdown, 5 times.
	t.Run("D12", func(t *testing.T) {
		for range 5 {
			p := start(t, 2)
			_, err := producer.Submit(soon(t), p.Client(), unencodable, make(chan int))
			require.ErrorIs(t, err, codec.ErrEncode)
			f, err := producer.Submit(soon(t), p.Client(), resultless, 1)
			require.NoError(t, err)
			p.Client().Stop()
			require.NoError(t, p.Close(soon(t)))
			require.ErrorIs(t, f.Err(ended()), codec.ErrResult)
			require.Zero(t, p.Client().Pending())
		}
	})
}

// shutDownRightAway is not on the test's goroutine, and so reports by Error.
func shutDownRightAway(t *testing.T, processes int) {
	p, err := pool.Local(soon(t), pool.Processes(processes), quiet())
	if err != nil {
		t.Error(err)
		return
	}
	var futures []*producer.Future[int]
	for range processes + 1 {
		f, err := producer.Submit(soon(t), p.Client(), runErrand, errand{})
		if err != nil {
			t.Error(err)
		}
		futures = append(futures, f)
	}
	if err := p.Close(soon(t)); err != nil {
		t.Error("closing:", err)
	}
	for _, f := range futures {
		if err := f.Err(ended()); err != nil {
			t.Error(err)
		}
	}
}

// endsWithClose submits when it is about to end, and again when all is closed.
func endsWithClose() {
	ctx, dir := context.Background(), os.Getenv(dirEnv)
	p, err := pool.Local(ctx, pool.Processes(2))
	must(err)
	defer func() { // the exit hook
		_, err := producer.Submit(ctx, p.Client(), runErrand, errand{})
		fmt.Println("refused:", err != nil)
	}()
	defer p.Close(ctx)
	for range 3 {
		_, err := producer.Submit(ctx, p.Client(), runErrand, errand{
			Started: filepath.Join(dir, "started"), Finished: filepath.Join(dir, "finished"),
		})
		must(err)
	}
	fmt.Println("submitted")
}

// endsWithoutClose ends while its tasks run.
func endsWithoutClose() {
	ctx, dir := context.Background(), os.Getenv(dirEnv)
	p, err := pool.Local(ctx, pool.Processes(2))
	must(err)
	for range 3 {
		_, err := producer.Submit(ctx, p.Client(), runErrand, errand{
			Started: filepath.Join(dir, "started"), Child: filepath.Join(dir, "child"),
			Forever: true, Finished: filepath.Join(dir, "finished"),
		})
		must(err)
	}
	for range time.Tick(look) {
		pids, err := notes(filepath.Join(dir, "child"))
		must(err)
		if len(pids) == 2 {
			break
		}
	}
	fmt.Println("submitted")
	runtime.KeepAlive(p)
}

// dropsItsPool keeps nothing of a pool but what it has submitted, and ends when
// a warning has told of it.
func dropsItsPool() {
	ctx, dir := context.Background(), os.Getenv(dirEnv)
	var log logged
	var futures []*producer.Future[int]
	func() {
		p, err := pool.Local(ctx, pool.Processes(2), log.option())
		must(err)
		for range 3 {
			f, err := producer.Submit(ctx, p.Client(), runErrand, errand{Started: filepath.Join(dir, "started")})
			must(err)
			futures = append(futures, f)
		}
	}()
	runtime.GC()
	for _, f := range futures {
		must(f.Err(ctx))
	}
	for log.String() == "" {
		runtime.GC()
	}
	fmt.Fprint(os.Stderr, log.String())
	fmt.Println("completed")
}
