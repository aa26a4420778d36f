package producer_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// slow is a transport that stores batches when the test says so.
func slow(f *fake) (stored chan func(error)) {
	stored = make(chan func(error), 1024)
	f.store = func(done func(error)) { stored <- done }
	return stored
}

// known makes the client know that double is quick, so that its tasks share
// batches.
func known(t *testing.T, c *producer.Client, broker *fake, stored chan func(error)) {
	f := submit(t, c, 0)
	broker.settle(f.ID(), ran(time.Microsecond))
	(<-stored)(nil)
}

// ran is the outcome of a run that took so long.
func ran(d time.Duration) codec.Outcome {
	o := valued(0)
	o.Run = d
	return o
}

// Two batches go out at once; while they are under way, tasks collect.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	stored := slow(broker)
	c := connect(t, broker)
	known(t, c, broker, stored)
	submitN(t, c, 102)
	require.Len(t, broker.sent(), 3)
	(<-stored)(nil)
	batches := broker.sent()
	require.Len(t, batches, 4)
	require.Len(t, batches[3].tasks, 100)
	for i, task := range batches[3].tasks {
		require.EqualValues(t, 3+i, task.N)
	}
}

// A batch is bounded in tasks, in bytes and in expected work.
func TestBatchBounds(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	stored := slow(broker)
	c := connect(t, broker)
	submitN(t, c, 10)
	require.Len(t, broker.sent(), 10, "tasks of which nothing is known share nothing")
	for range 10 {
		(<-stored)(nil)
	}
	cancels(t, c.CancelPending)

	known(t, c, broker, stored)
	before := len(broker.sent())
	submitN(t, c, 2+1024+1024+5)
	batches := broker.sent()[before:]
	require.Len(t, batches, 4)
	require.Len(t, batches[2].tasks, 1024)
	require.Len(t, batches[3].tasks, 1024)

	blob := codec.NewFunc[[]byte, int]("blob")
	before = len(broker.sent())
	for range 4 {
		_, err := producer.Submit(t.Context(), c, blob, make([]byte, 900<<10))
		require.NoError(t, err)
	}
	for _, batch := range broker.sent()[before:] {
		require.Less(t, batch.size, 1<<20)
	}
	require.GreaterOrEqual(t, len(broker.sent())-before, 4)
}

// A chunk is one message, or as few as the broker carries.
func TestChunkMessages(t *testing.T) {
	t.Parallel()
	broker := &fake{run: doubled}
	c := connect(t, broker)
	got, err := producer.Collect(producer.Map(t.Context(), c, double, count(250, nil), producer.Chunk(100)))
	require.NoError(t, err)
	require.Equal(t, doubles(250), got)
	var sizes []int
	for _, batch := range broker.sent() {
		sizes = append(sizes, len(batch.tasks))
	}
	require.Equal(t, []int{100, 100, 50}, sizes)

	small := &fake{run: doubled, payload: 1500}
	got, err = producer.Collect(producer.Map(t.Context(), connect(t, small), double, count(100, nil), producer.Chunk(100)))
	require.NoError(t, err)
	require.Equal(t, doubles(100), got)
	require.Greater(t, len(small.sent()), 1)
	for _, batch := range small.sent() {
		require.LessOrEqual(t, batch.size, 1500)
	}
}

// When too much is under way, Submit waits: for room, its context, or the end of
// the client.
func TestBackpressure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		stored := slow(broker)
		c := connect(t, broker)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		submitted := 0
		var err error
		for err == nil {
			if _, err = producer.Submit(ctx, c, double, 1); err == nil {
				submitted++
			}
		}
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "waiting to publish")
		require.Equal(t, 257, submitted, "256 under way and an open batch")
		require.Equal(t, submitted, c.Pending())

		chunked := make(chan error)
		go func() {
			_, err := producer.Collect(producer.Map(t.Context(), c, double, count(3, nil), producer.Chunk(3)))
			chunked <- err
		}()
		more := make(chan error)
		go func() {
			_, err := producer.Submit(t.Context(), c, double, 1)
			more <- err
		}()
		synctest.Wait()
		require.Len(t, broker.sent(), 256)
		for range 3 {
			(<-stored)(nil)
		}
		require.NoError(t, <-more)
		synctest.Wait()
		require.Equal(t, submitted+4, c.Pending())

		// Full again, until the client ends.
		go func() {
			for {
				if _, err := producer.Submit(t.Context(), c, double, 1); err != nil {
					more <- err
					return
				}
			}
		}()
		synctest.Wait()
		require.ErrorIs(t, c.Close(ended), context.Canceled)
		require.ErrorIs(t, <-more, producer.ErrClosed)
		require.ErrorIs(t, <-chunked, producer.ErrClosed)
	})
}

// A batch that the broker does not take fails its own tasks, each with an error
// of its own.
func TestNotStored(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	stored := slow(broker)
	c := connect(t, broker)
	known(t, c, broker, stored)
	fs := submitN(t, c, 5) // 1, 1, and 3 that collect
	full := errors.New("full")
	(<-stored)(nil)
	(<-stored)(nil)
	(<-stored)(full)
	require.NoError(t, c.Flush(t.Context()))
	for _, f := range fs[:2] {
		require.Equal(t, producer.Pending, f.State())
	}
	seen := map[error]bool{}
	for _, f := range fs[2:] {
		err := f.Err(t.Context())
		require.ErrorIs(t, err, producer.ErrNotStored)
		require.ErrorIs(t, err, full)
		require.ErrorContains(t, err, f.ID().String())
		seen[err] = true
	}
	require.Len(t, seen, 3)
	f := submit(t, c, 1)
	(<-stored)(producer.ErrClosed)
	require.ErrorIs(t, f.Err(t.Context()), producer.ErrClosed)
	require.NotErrorIs(t, f.Err(t.Context()), producer.ErrNotStored)
}

// Flush waits for what was submitted, until its context ends.
func TestFlush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		stored := slow(broker)
		c := connect(t, broker)
		require.NoError(t, c.Flush(ended), "nothing to wait for")
		submit(t, c, 1)
		submit(t, c, 1, producer.Queue("other"))
		require.ErrorIs(t, c.Flush(ended), context.Canceled)
		flushed := make(chan error)
		go func() { flushed <- c.Flush(t.Context()) }()
		synctest.Wait()
		(<-stored)(nil)
		synctest.Wait()
		require.Empty(t, flushed)
		(<-stored)(nil)
		require.NoError(t, <-flushed)
	})
}
