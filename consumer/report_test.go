package consumer

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

// progressed is a report that was sent.
type progressed struct {
	run   uint64
	index int
	done  uint64
	at    time.Duration // since the test began
}

// watching runs a test with a worker that does nothing but watch what runs, in a
// bubble. sent returns what has been sent since it was last called.
func watching(t *testing.T, test func(t *testing.T, w *Worker, sent func() []progressed)) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var all []progressed
		began := time.Now()
		w := &Worker{Config: Config{Progress: func(run uint64, index int, p codec.Progress) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, progressed{run, index, p.Done, time.Since(began)})
		}}, watcher: watcher{wakes: make(chan struct{}, 1)}}
		ctx, end := context.WithCancel(t.Context())
		defer end()
		go w.watch(ctx)
		test(t, w, func() (sent []progressed) {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			sent, all = all, nil
			return sent
		})
	})
}

// begin begins a task of a worker that only watches.
func begin(w *Worker, run uint64, index int) *taskContext {
	ctx := newTaskContext(&origin{client: "client", reporter: w}, &codec.Task{})
	w.running.begin(ctx, run, index)
	return ctx
}

func TestReportsAreSentNowAndThen(t *testing.T) {
	t.Parallel()
	watching(t, func(t *testing.T, w *Worker, sent func() []progressed) {
		const ms = time.Millisecond
		time.Sleep(1000 * ms) // the watcher goes to sleep
		ctx := begin(w, 3, 5)
		for n := range uint64(10) {
			require.NoError(t, Report(ctx, codec.Progress{Done: n}))
			time.Sleep(30 * ms)
		}
		time.Sleep(1000 * ms)
		require.Equal(t, []progressed{
			{3, 5, 0, 1000 * ms}, {3, 5, 3, 1100 * ms}, {3, 5, 6, 1200 * ms}, {3, 5, 9, 1300 * ms},
		}, sent())
		require.NoError(t, Report(ctx, codec.Progress{Done: 10}))
		require.Len(t, sent(), 1, "at once, since the last is long ago")
	})
}

func TestReportsEndWithTheirTask(t *testing.T) {
	t.Parallel()
	watching(t, func(t *testing.T, w *Worker, sent func() []progressed) {
		first := begin(w, 1, 0)
		require.NoError(t, Report(first, codec.Progress{Done: 1}))
		require.NoError(t, Report(first, codec.Progress{Done: 2}))
		require.Len(t, sent(), 1)
		second := begin(w, 1, 1)
		time.Sleep(time.Second)
		require.Empty(t, sent(), "what was to be sent is not the next task's")
		require.NoError(t, Report(first, codec.Progress{Done: 3}))
		require.NoError(t, Report(second, codec.Progress{Done: 4}))
		got := sent()
		require.Len(t, got, 1)
		require.Equal(t, progressed{1, 1, 4, time.Second}, got[0])
		require.NoError(t, Report(second, codec.Progress{Done: 5}))
		w.running.end()
		require.NoError(t, Report(second, codec.Progress{Done: 6}))
		time.Sleep(time.Second)
		require.Empty(t, sent())
	})
}

func TestReportSaysWhichTaskItIsOf(t *testing.T) {
	t.Parallel()
	f := functions{}
	left := make(chan context.Context, 2)
	handle(f, "report", func(ctx context.Context, n int) (int, error) {
		left <- ctx
		child, cancel := context.WithCancel(ctx)
		defer cancel()
		return n, Report(child, codec.Progress{Done: uint64(n), Total: 9, Note: "so far"})
	})
	reports := make(chan progressed, 8)
	s := serve(t, f, func(cfg *Config) {
		cfg.Progress = func(run uint64, index int, p codec.Progress) {
			reports <- progressed{run: run, index: index, done: p.Done}
		}
	})
	s.give(7, calls("report", 3, 4)...)
	s.outcomes(7, 2)
	require.Equal(t, progressed{run: 7, index: 0, done: 3}, await(s, reports))
	require.Equal(t, progressed{run: 7, index: 1, done: 4}, await(s, reports))
	s.drain()
	s.leaves(LeavingDrained)
	for range 2 { // somebody goes on after the handler has returned
		require.NoError(t, Report(<-left, codec.Progress{Done: 5}))
	}
	require.Empty(t, reports)
}

func TestReportOutsideATask(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, Report(context.Background(), codec.Progress{}), ErrNoTask)
	require.NoError(t, Report(newTaskContext(&origin{}, &codec.Task{}), codec.Progress{}), "nobody listens")
}
