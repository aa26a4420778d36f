package producer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// taking returns a client that knows how long double runs. The broker stores at once.
func taking(t *testing.T, broker *fake, run time.Duration) *producer.Client {
	t.Helper()
	c := connect(t, broker)
	broker.settle(submit(t, c, 0).ID(), ran(run))
	synctest.Wait()
	return c
}

// tasks returns how many tasks were sent.
func (f *fake) tasks() (n int) {
	for _, batch := range f.sent() {
		n += len(batch.tasks)
	}
	return n
}

// The more work is under way, the more of it a batch may have, up to a bound.
func TestBatchGrowsWithTheBacklog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := taking(t, broker, time.Millisecond)
		before := len(broker.sent())
		submitN(t, c, 2500)
		batches := broker.sent()[before:]
		require.Less(t, len(batches[0].tasks), 3, "2 ms, as ever")
		require.Len(t, batches[len(batches)-1].tasks, 25, "25 ms at most")
		for i := 1; i < len(batches); i++ {
			require.LessOrEqual(t, len(batches[i-1].tasks), max(len(batches[i].tasks), 2))
		}
	})
}

// In a backlog a batch waits for what would fill it, but not for ever, and not when
// somebody wants to know that it is stored.
func TestBatchLingersInABacklog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := taking(t, broker, time.Millisecond)
		submitN(t, c, 1000)
		synctest.Wait()
		before := broker.tasks()
		submitN(t, c, 3)
		synctest.Wait()
		require.Equal(t, before, broker.tasks())
		time.Sleep(25 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, 1004, broker.tasks())

		submitN(t, c, 3)
		began := time.Now()
		require.NoError(t, c.Flush(t.Context()))
		require.Equal(t, 1007, broker.tasks())
		require.Zero(t, time.Since(began))
	})
}

// A backlog elsewhere is none: of another queue, of less urgent tasks, or of tasks
// that are many but short.
func TestBacklogElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := taking(t, broker, time.Millisecond)
		submitN(t, c, 10_000)
		for i, option := range []producer.CallOption{producer.Queue("other"), producer.Priority(producer.High)} {
			before := len(broker.sent())
			for n := range 6 {
				submit(t, c, n, option)
			}
			synctest.Wait()
			sent := 0
			for _, batch := range broker.sent()[before:] {
				require.LessOrEqual(t, len(batch.tasks), 2, i)
				sent += len(batch.tasks)
			}
			require.Equal(t, 6, sent, i)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := taking(t, broker, time.Microsecond)
		submitN(t, c, 10_000)
		long := codec.NewFunc[int, int]("long")
		call := func() *producer.Future[int] {
			f, err := producer.Submit(t.Context(), c, long, 0)
			require.NoError(t, err)
			return f
		}
		broker.settle(call().ID(), ran(5*time.Millisecond))
		synctest.Wait()
		before := len(broker.sent())
		for range 8 {
			call()
		}
		synctest.Wait()
		require.Len(t, broker.sent(), before+8)
	})
}

// What does not wait for a process is no backlog: a task that runs or is delayed. And
// a batch that lingered in vain is a lesson for those after it.
func TestWhatIsNoBacklog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := taking(t, broker, time.Second)
		for _, f := range submitN(t, c, 100) {
			broker.start(f.ID())
		}
		for n := range 100 {
			submit(t, c, n, producer.Delay(time.Hour))
		}
		synctest.Wait()
		submit(t, c, 0)
		synctest.Wait()
		require.Equal(t, 202, broker.tasks())
	})
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := taking(t, broker, time.Millisecond)
		submitN(t, c, 1000)
		require.NoError(t, c.Flush(t.Context()))
		submit(t, c, 0) // alone
		synctest.Wait()
		sent := broker.tasks()
		require.Equal(t, 1001, sent)
		time.Sleep(25 * time.Millisecond)
		synctest.Wait()
		sent = broker.tasks()
		require.Equal(t, 1002, sent)
		for n := range 64 {
			submit(t, c, n)
			synctest.Wait()
			require.Equal(t, sent+1+n, broker.tasks())
		}
	})
}
