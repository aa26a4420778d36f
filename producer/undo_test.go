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

// A cancelled delayed task is removed only once the broker has it, however it is
// cancelled; until then Flush and Close wait, and so does nobody else.
func TestRemovalWaitsForTheTaskToBeStored(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []producer.CallOption
		cancel  func(*producer.Client, *producer.Future[int]) error
	}{
		"cancel": {nil, func(_ *producer.Client, f *producer.Future[int]) error { return second(f.Cancel(context.Background())) }},
		"kill":   {nil, func(_ *producer.Client, f *producer.Future[int]) error { return second(f.Kill(context.Background())) }},
		"cancel, its context ended": {nil, func(_ *producer.Client, f *producer.Future[int]) error {
			return second(f.Cancel(ended))
		}},
		"cancel, durable": {[]producer.CallOption{producer.Retain(time.Hour)}, func(_ *producer.Client, f *producer.Future[int]) error {
			return second(f.Cancel(context.Background()))
		}},
		"all that are pending": {nil, func(c *producer.Client, _ *producer.Future[int]) error {
			return second(c.CancelPending(context.Background()))
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var held []func(error)
			broker := &fake{store: func(stored func(error)) { held = append(held, stored) }}
			c := connect(t, broker)
			f := submit(t, c, 1, append(test.options, producer.Delay(time.Hour))...)
			require.NoError(t, test.cancel(c, f), name)
			require.Equal(t, producer.Cancelled, f.State(), name)
			closed := make(chan error, 1)
			go func() { closed <- c.Close(context.Background()) }()
			time.Sleep(time.Minute) // of the bubble's clock
			require.Empty(t, broker.unscheduled(), name)
			require.Empty(t, closed, name)
			held[0](nil)
			synctest.Wait()
			require.Equal(t, []codec.ID{f.ID()}, broker.unscheduled(), name)
			require.NoError(t, <-closed, name)
		})
	}
}

// A removal that fails is tried again until it succeeds, or the client ends; then
// Close says that something may have stayed.
func TestRemovalIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		c := connect(t, broker)
		f := submit(t, c, 1, producer.Delay(time.Hour))
		synctest.Wait()
		broker.shelf.fail(errors.New("away"))
		require.True(t, cancels(t, f.Cancel))
		soon, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, c.Flush(soon), context.DeadlineExceeded)
		broker.shelf.fail(nil)
		require.NoError(t, c.Flush(t.Context()))
		require.Contains(t, broker.unscheduled(), f.ID())

		broker.shelf.fail(errors.New("away"))
		require.True(t, cancels(t, submit(t, c, 1, producer.Delay(time.Hour)).Cancel))
		require.ErrorContains(t, c.Close(ended), "closing before cancelled tasks are removed")
	})
}

func second[T any](_ T, err error) error { return err }

func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}
