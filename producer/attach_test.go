package producer_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

func attach(t testing.TB, c *producer.Client, id codec.ID) *producer.Future[int] {
	t.Helper()
	f, err := producer.Attach(t.Context(), c, double, id)
	require.NoError(t, err)
	return f
}

// foreign returns the id of a task of a client that is not there.
func foreign(n uint64) codec.ID { return codec.ID{Client: "k3xf9mq2l7zt4b6c", N: n} }

// The outcome that is stored is there when Attach returns.
func TestAttachStored(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	broker.keep(foreign(1), valued(42), false)
	broker.keep(foreign(2), codec.Outcome{Failure: &codec.Failure{Code: codec.CodeCancelled}}, false)
	f, g := attach(t, c, foreign(1)), attach(t, c, foreign(2))
	require.Equal(t, producer.Finished, f.State())
	require.Equal(t, foreign(1), f.ID())
	n, err := f.Result(ended)
	require.NoError(t, err)
	require.Equal(t, 42, n)
	require.Equal(t, producer.Cancelled, g.State())
	require.ErrorIs(t, g.Err(ended), codec.ErrCancelled)
	require.Zero(t, c.Pending())
	require.Zero(t, broker.shelf.watching(foreign(1).Client))
}

// The outcome that will be stored comes by the watch, which all futures of one
// client share, and which ends with the last of them.
func TestAttachLive(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	const n = 1000
	futures := make([]*producer.Future[int], n)
	var all sync.WaitGroup
	for i := range futures {
		all.Go(func() { futures[i] = attach(t, c, foreign(uint64(i))) })
	}
	all.Wait()
	twice := attach(t, c, foreign(0))
	require.Equal(t, n, c.Pending())
	require.Equal(t, 1, broker.shelf.watching(foreign(0).Client))
	require.Len(t, broker.to.Awaited(), n)
	broker.keep(codec.ID{Client: foreign(0).Client, N: n}, valued(1), true) // nobody's
	for i, f := range futures {
		broker.keep(f.ID(), valued(i), true)
		broker.keep(f.ID(), valued(-1), true)
	}
	for i, f := range append(futures, twice) {
		got, err := f.Result(t.Context())
		require.NoError(t, err)
		require.Equal(t, i%n, got)
	}
	require.Zero(t, c.Pending())
	require.Zero(t, broker.shelf.watching(foreign(0).Client))
}

// A client may attach to its own tasks, pending or done.
func TestAttachOwn(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	f := submit(t, c, 21, producer.Retain(time.Hour))
	g := attach(t, c, f.ID())
	require.Equal(t, f.ID(), g.ID())
	require.Zero(t, broker.shelf.gets)
	broker.start(f.ID())
	require.Equal(t, producer.Running, g.State())
	broker.keep(f.ID(), valued(42), true)
	for _, f := range []*producer.Future[int]{f, g, attach(t, c, f.ID())} {
		n, err := f.Result(ended)
		require.NoError(t, err)
		require.Equal(t, 42, n)
	}

	f = submit(t, c, 21) // is not durable, and pending
	g = attach(t, c, f.ID())
	require.True(t, cancels(t, g.Cancel))
	require.Equal(t, producer.Cancelled, f.State())
}

// What is wrong with the caller's input is said at once; what is wrong with the
// broker is not.
func TestAttachErrors(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	_, err := producer.Attach(t.Context(), c, double, codec.ID{Client: "No client"})
	require.ErrorIs(t, err, codec.ErrMalformed)
	_, err = producer.Attach(t.Context(), c, codec.NewFunc[int, int](""), foreign(1))
	require.ErrorIs(t, err, codec.ErrName)
	_, err = producer.Attach(ended, c, double, foreign(1))
	require.ErrorIs(t, err, ended.Err())

	broker.shelf.err = errors.New("away")
	f := attach(t, c, foreign(1))
	broker.shelf.err = nil
	require.Equal(t, producer.Pending, f.State())
	require.ErrorIs(t, f.Err(ended), ended.Err())
	broker.keep(foreign(1), valued(1), true)
	require.NoError(t, f.Err(t.Context()))

	left := attach(t, c, foreign(2))
	require.NoError(t, c.Close(t.Context()), "Close does not wait for what others submitted")
	require.ErrorIs(t, left.Err(t.Context()), producer.ErrClosed)
	_, err = producer.Attach(t.Context(), c, double, foreign(1))
	require.ErrorIs(t, err, producer.ErrClosed)
}

// The number of watches is bounded.
func TestAttachToTooMany(t *testing.T) {
	t.Parallel()
	c := connect(t, &fake{})
	owner := func(i int) codec.ID { return codec.ID{Client: fmt.Sprintf("c%d", i)} }
	for i := range 4096 {
		attach(t, c, owner(i))
	}
	_, err := producer.Attach(t.Context(), c, double, owner(4096))
	require.ErrorIs(t, err, producer.ErrAttached)
	attach(t, c, codec.ID{Client: "c1", N: 1})
}

// The first outcome that is stored stands, also against a cancellation.
func TestCancelDurable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := connect(t, broker)
		f := submit(t, c, 1, producer.Retain(time.Hour))
		called := make(chan producer.State, 1)
		f.OnDone(func(f *producer.Future[int]) { called <- f.State() })
		require.True(t, cancels(t, f.Cancel))
		require.True(t, cancels(t, f.Cancel))
		require.ErrorIs(t, f.Err(ended), codec.ErrCancelled)
		require.Equal(t, producer.Cancelled, <-called)
		require.Equal(t, time.Hour, broker.shelf.retain[f.ID()])
		require.Equal(t, []cancelled{{producer.DefaultQueue, c.ID(), false, []uint64{f.ID().N}}}, broker.cancelRequests())

		late := submit(t, c, 2, producer.Retain(time.Hour))
		broker.keep(late.ID(), valued(4), false) // and its live copy is on its way
		require.False(t, cancels(t, late.Kill))
		n, err := late.Result(ended)
		require.NoError(t, err)
		require.Equal(t, 4, n)

		away := submit(t, c, 3, producer.Retain(time.Hour))
		broker.shelf.err = errors.New("away")
		cancelled, err := away.Cancel(t.Context())
		require.False(t, cancelled)
		require.ErrorContains(t, err, "away")
		require.Equal(t, producer.Pending, away.State())
		require.Len(t, broker.cancelRequests(), 1)
		broker.shelf.err = nil

		running := submit(t, c, 4, producer.Retain(time.Hour))
		broker.start(running.ID())
		require.False(t, cancels(t, running.Cancel))
		require.True(t, cancels(t, running.Kill))
		require.Equal(t, 1, cancels(t, c.CancelPending))
		require.Equal(t, producer.Cancelled, away.State())
	})
}

// Any client cancels any task by its id.
func TestCancelByID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := connect(t, broker)
		own, done := submit(t, c, 1), submit(t, c, 2)
		broker.succeed(done.ID(), 4)
		known := attach(t, c, foreign(7))
		broker.shelf.delayed = map[codec.ID]bool{foreign(8): true}
		require.NoError(t, c.Kill(t.Context(), own.ID(), done.ID(), foreign(8), known.ID(), foreign(9)))
		synctest.Wait()
		require.Equal(t, producer.Cancelled, own.State())
		require.Equal(t, producer.Finished, done.State())
		require.Equal(t, producer.Cancelled, known.State())
		require.ElementsMatch(t, []cancelled{
			{producer.DefaultQueue, c.ID(), true, []uint64{own.ID().N}},
			{"", foreign(0).Client, true, []uint64{7}},
			{"", foreign(0).Client, true, []uint64{8, 9}},
		}, broker.cancelRequests())
		require.ElementsMatch(t, []codec.ID{foreign(7), foreign(8)}, broker.unscheduled())
		require.NotNil(t, broker.shelf.kept[foreign(8)], "whoever waits for a delayed task hears of it")
		require.Nil(t, broker.shelf.kept[foreign(9)], "what may be running tells by itself")

		require.ErrorIs(t, c.Cancel(t.Context(), codec.ID{}), codec.ErrMalformed)
		require.ErrorIs(t, c.Cancel(ended, foreign(8)), ended.Err())
		broker.shelf.err = errors.New("away")
		require.ErrorContains(t, c.Cancel(t.Context(), foreign(8)), "away")
		broker.shelf.err = nil
		require.NoError(t, c.Close(t.Context()))
		require.ErrorIs(t, c.Cancel(t.Context(), foreign(8)), producer.ErrClosed)
	})
}
