package integration

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// Of tasks that are cancelled as soon as they are submitted no schedule stays,
// however busy the machine is.
func TestCancelledDelayedTasksLeaveNoSchedule(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c := s.client(url)
	var stop atomic.Bool
	var busy sync.WaitGroup
	for range 2 * runtime.NumCPU() {
		busy.Go(func() {
			for !stop.Load() {
				runtime.Gosched()
			}
		})
	}
	for range 3000 {
		f, err := producer.Submit(s.ctx, c, attend, call{}, producer.Delay(time.Hour))
		require.NoError(t, err)
		require.True(t, cancels(t, f.Cancel))
	}
	stop.Store(true)
	busy.Wait()
	require.NoError(t, c.Flush(s.ctx))
	require.Empty(t, schedules(s, url))
}

// However a task is given up while it is still on its way to the broker, nothing of
// it stays there once Close has returned.
func TestUndoIsBehindItsDo(t *testing.T) {
	for name, undo := range map[string]struct {
		options []producer.CallOption
		cancel  func(context.Context, *producer.Client, *producer.Future[seen]) (bool, error)
	}{
		"cancel": {nil, cancelOne},
		"cancel, ended context": {nil, func(_ context.Context, _ *producer.Client, f *producer.Future[seen]) (bool, error) {
			cancelled, _ := f.Cancel(ended())
			return cancelled, nil
		}},
		"kill": {nil, func(ctx context.Context, _ *producer.Client, f *producer.Future[seen]) (bool, error) {
			return f.Kill(ctx)
		}},
		"cancel by id": {nil, func(ctx context.Context, c *producer.Client, f *producer.Future[seen]) (bool, error) {
			return true, c.Cancel(ctx, f.ID())
		}},
		"cancel of a durable one": {[]producer.CallOption{producer.Retain(time.Hour)}, cancelOne},
		"all that are pending": {nil, func(ctx context.Context, c *producer.Client, _ *producer.Future[seen]) (bool, error) {
			n, err := c.CancelPending(ctx)
			return n == 1, err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			url := s.broker()
			for range 50 {
				c, err := producer.Connect(s.ctx, url)
				require.NoError(t, err)
				f, err := producer.Submit(s.ctx, c, attend, call{}, append(undo.options, producer.Delay(time.Hour))...)
				require.NoError(t, err)
				cancelled, err := undo.cancel(s.ctx, c, f)
				require.NoError(t, err)
				require.True(t, cancelled)
				require.NoError(t, c.Close(s.ctx))
			}
			require.Empty(t, schedules(s, url))
		})
	}
}

func cancelOne(ctx context.Context, _ *producer.Client, f *producer.Future[seen]) (bool, error) {
	return f.Cancel(ctx)
}

// schedules returns what waits for its time at a broker.
func schedules(s *stage, url string) (ids []codec.ID) {
	s.t.Helper()
	nc, err := broker.Connect(s.ctx, broker.Config{URL: url})
	require.NoError(s.t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	for schedule, err := range broker.Schedules(s.ctx, js, "") {
		require.NoError(s.t, err)
		ids = append(ids, codec.ID{Client: schedule.Client, N: schedule.N})
	}
	return ids
}
