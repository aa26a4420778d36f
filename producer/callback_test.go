package producer_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

type future = producer.Future[int]

// F1: a callback sees the outcome without waiting, whatever it is.
func TestOnDone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"succeeded", "failed", "cancelled", "cancelled elsewhere"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				broker := &fake{}
				f := submit(t, connect(t, broker), 1)
				var seen []*future
				var errs []error
				f.OnDone(func(f *future) {
					seen = append(seen, f)
					errs = append(errs, f.Err(ended))
				})
				bring[name](broker, f.ID(), f.Cancel)
				synctest.Wait()
				require.Equal(t, []*future{f}, seen)
				require.Equal(t, []error{f.Err(ended)}, errs)
			})
		})
	}
}

// F1: Cancel returns when the callbacks have.
func TestCancelRunsCallbacks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := submit(t, connect(t, &fake{}), 1)
		called := 0
		callback := func(*future) { time.Sleep(time.Second); called++ }
		f.OnDone(callback)
		f.OnDone(callback) // F14: twice is twice
		for range 3 {
			require.True(t, cancels(t, f.Cancel))
			require.Equal(t, 2, called)
		}
	})
}

// F2: a callback that panics, or ends its goroutine, is logged, and later ones
// run, be it at once or not.
func TestCallbackFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		option, log := logged()
		broker := &fake{}
		c := connect(t, broker, option)
		f := submit(t, c, 1)
		var order []int
		add := func(i int, then func()) {
			f.OnDone(func(*future) { order = append(order, i); then() })
		}
		add(1, func() { panic("ow") })
		add(2, func() {})
		add(3, runtime.Goexit)
		add(4, func() { panic(nil) }) //nolint:govet // on purpose
		add(5, func() {})
		add(6, runtime.Goexit)
		broker.succeed(f.ID(), 2)
		synctest.Wait()
		require.Equal(t, []int{1, 2, 3, 4, 5, 6}, order)

		add(7, func() { panic("ow") })
		add(8, runtime.Goexit)
		add(9, func() {})
		require.Equal(t, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, order)
		require.Equal(t, 3, log.records("a callback panicked"))
		require.Equal(t, 3, log.records("a callback called runtime.Goexit"))
		require.Equal(t, 6, log.records(f.ID().String()))

		g := submit(t, c, 1)
		g.OnDone(func(*future) { runtime.Goexit() })
		require.True(t, cancels(t, g.Cancel))
		require.NoError(t, c.Close(t.Context()))
	})
}

// F3: on a future that is done, a callback has run when OnDone returns.
func TestOnDoneWhenDone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"succeeded", "failed", "cancelled"} {
		broker := &fake{}
		f := submit(t, connect(t, broker), 1)
		bring[name](broker, f.ID(), f.Cancel)
		var seen *future
		f.OnDone(func(f *future) { seen = f })
		require.Same(t, f, seen)
	}
}

// A callback that is added inside a callback runs at once, before those that
// were added before it.
func TestOnDoneInside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		f := submit(t, connect(t, broker), 1)
		var order []string
		f.OnDone(func(f *future) {
			f.OnDone(func(*future) { order = append(order, "inner") })
			order = append(order, "outer")
		})
		f.OnDone(func(*future) { order = append(order, "last") })
		broker.succeed(f.ID(), 2)
		synctest.Wait()
		require.Equal(t, []string{"inner", "outer", "last"}, order)
	})
}

// F16: callbacks may block and wait for other futures: nobody is held up.
func TestCallbackBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := connect(t, broker)
		fs := submitN(t, c, 3)
		got := 0
		fs[0].OnDone(func(*future) { got, _ = fs[1].Result(t.Context()) })
		broker.succeed(fs[0].ID(), 10)
		_, err := fs[0].Result(t.Context()) // does not wait for callbacks
		require.NoError(t, err)
		broker.succeed(fs[2].ID(), 12)
		require.NoError(t, fs[2].Err(t.Context()))
		require.Zero(t, got)
		broker.succeed(fs[1].ID(), 11)
		synctest.Wait()
		require.Equal(t, 11, got)
	})
}

// A callback may submit, and so on.
func TestCallbackSubmits(t *testing.T) {
	t.Parallel()
	c := connect(t, &fake{run: doubled})
	const chain = 100
	last := make(chan int)
	var next func(i int)
	next = func(i int) {
		submit(t, c, i).OnDone(func(f *future) {
			if n, _ := f.Result(ended); i == chain {
				last <- n
			}
			if i < chain {
				next(i + 1)
			}
		})
	}
	next(1)
	require.Equal(t, 2*chain, <-last)
}

// Close may be called inside a callback, by several, and meanwhile outside.
func TestCallbackCloses(t *testing.T) {
	t.Parallel()
	for name, cancel := range map[string]bool{"outcome": false, "cancel": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				broker := &fake{}
				c := connect(t, broker)
				fs := submitN(t, c, 3)
				var closed atomic.Int32
				for _, f := range fs[:2] {
					f.OnDone(func(*future) {
						if c.Close(t.Context()) == nil {
							closed.Add(1)
						}
					})
				}
				outside := make(chan error)
				go func() { outside <- c.Close(t.Context()) }()
				for _, f := range fs[:2] {
					if cancel {
						go f.Cancel(t.Context())
					} else {
						broker.succeed(f.ID(), 1)
					}
				}
				synctest.Wait()
				require.Zero(t, closed.Load(), "a future is pending")
				broker.succeed(fs[2].ID(), 1)
				require.NoError(t, <-outside)
				require.EqualValues(t, 2, closed.Load(), "Close waits for callbacks")
				require.Equal(t, 1, broker.closed)
			})
		})
	}
}

// Close waits for callbacks until its context ends.
func TestCloseWaitsForCallbacks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := connect(t, broker)
		f := submit(t, c, 1)
		f.OnDone(func(*future) { time.Sleep(time.Minute) })
		broker.succeed(f.ID(), 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.Close(ctx), context.DeadlineExceeded)
		began := time.Now()
		require.NoError(t, c.Close(t.Context()))
		require.Equal(t, 59*time.Second, time.Since(began))
	})
}

// Adding callbacks races with the outcome: each runs once.
func TestOnDoneRaces(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	var called atomic.Int32
	const rounds = 200
	for i := range rounds {
		f := submit(t, c, i)
		go broker.succeed(f.ID(), i)
		f.OnDone(func(*future) { called.Add(1) })
		cancels(t, f.Cancel)
	}
	require.NoError(t, c.Close(t.Context()))
	require.EqualValues(t, rounds, called.Load())
}
