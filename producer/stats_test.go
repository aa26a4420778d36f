package producer_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/objects"
	"github.com/musterfleet/muster/producer"
)

// objectShelf keeps a fake's large values.
type objectShelf struct {
	mu     sync.Mutex
	values map[string][]byte
	maxAge time.Duration
}

func (s *objectShelf) Put(_ context.Context, data []byte, _ time.Duration) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strconv.Itoa(len(s.values))
	if s.values == nil {
		s.values = map[string][]byte{}
	}
	s.values[name] = append([]byte(nil), data...)
	return name, nil
}

func (s *objectShelf) Get(_ context.Context, name string, _ int64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values[name] == nil {
		return nil, objects.ErrGone
	}
	return s.values[name], nil
}

func (s *objectShelf) Remove(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, name)
	return nil
}

func (s *objectShelf) MaxAge(context.Context) (time.Duration, error) { return s.maxAge, nil }

func (s *objectShelf) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.values)
}

// Whatever a task comes to is counted once, under a name of its own and by the way it
// came; there is no name for what no task comes to.
func TestEveryOutcomeIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{objects: &objectShelf{}}
		c := connect(t, broker)
		want := map[codec.Code]uint64{}
		for _, code := range codec.Codes {
			if code == codec.CodeDepth {
				continue
			}
			want[code] = 1
			broker.settle(submit(t, c, 1).ID(), codec.Outcome{Failure: &codec.Failure{Code: code}})
		}
		direct := uint64(len(want))
		broker.succeed(submit(t, c, 1).ID(), 2)
		kept := submit(t, c, 1, producer.Retain(time.Hour))
		broker.keep(kept.ID(), valued(2), true)

		name, err := broker.objects.Put(t.Context(), valued(2).Value, 0)
		require.NoError(t, err)
		large, keptLarge := submit(t, c, 1), submit(t, c, 1, producer.Retain(time.Hour))
		broker.keep(keptLarge.ID(), codec.Outcome{Object: name}, true)
		synctest.Wait()
		broker.settle(large.ID(), codec.Outcome{Object: name})
		lost, keptLost := submit(t, c, 1), submit(t, c, 1, producer.Retain(time.Hour))
		broker.settle(lost.ID(), codec.Outcome{Object: "none"})
		broker.keep(keptLost.ID(), codec.Outcome{Object: "none"}, true)
		synctest.Wait()
		require.ErrorIs(t, lost.Err(t.Context()), objects.ErrGone)
		want["not_fetched"] = 2

		broker.store = func(stored func(error)) { broker.calls.Go(func() { stored(errors.New("full")) }) }
		require.ErrorIs(t, submit(t, c, 1).Err(t.Context()), producer.ErrNotStored)
		want["not_stored"] = 1
		broker.store = nil
		require.True(t, cancels(t, submit(t, c, 1).Cancel))
		want[codec.CodeCancelled]++

		stats := c.Stats()
		require.Equal(t, want, stats.Failed)
		require.EqualValues(t, 4, stats.Values)
		require.Equal(t, direct+3, stats.Direct)
		require.EqualValues(t, 3, stats.Stored)
	})
}

// A large argument goes with its future, unless its task may still run or is kept as
// a dead letter.
func TestLargeArgumentGoesWithItsFuture(t *testing.T) {
	t.Parallel()
	large := codec.NewFunc[[]byte, int]("large")
	for name, test := range map[string]struct {
		options []producer.CallOption
		end     func(*fake, *producer.Client, *producer.Future[int])
		kept    bool
	}{
		"a value":   {nil, func(f *fake, _ *producer.Client, p *producer.Future[int]) { f.succeed(p.ID(), 1) }, false},
		"an error":  {nil, func(f *fake, _ *producer.Client, p *producer.Future[int]) { f.fail(p.ID(), "ow") }, false},
		"cancelled": {nil, func(_ *fake, _ *producer.Client, p *producer.Future[int]) { _, _ = p.Cancel(ended) }, false},
		"delayed and cancelled": {[]producer.CallOption{producer.Delay(time.Hour)}, func(_ *fake, _ *producer.Client, p *producer.Future[int]) {
			_, _ = p.Cancel(ended)
		}, false},
		"closed": {nil, func(_ *fake, c *producer.Client, _ *producer.Future[int]) { _ = c.Close(ended) }, true},
		"durable and closed": {[]producer.CallOption{producer.Retain(time.Hour)}, func(_ *fake, c *producer.Client, _ *producer.Future[int]) {
			_ = c.Close(ended)
		}, true},
		"given up after its errors": {[]producer.CallOption{producer.Attempts(2)}, func(f *fake, _ *producer.Client, p *producer.Future[int]) {
			f.fail(p.ID(), "ow")
		}, true},
		"given up after its crashes": {nil, func(f *fake, _ *producer.Client, p *producer.Future[int]) {
			f.settle(p.ID(), codec.Outcome{Failure: &codec.Failure{Code: codec.CodeWorkerDied}})
		}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			broker := &fake{objects: &objectShelf{}}
			c := connect(t, broker)
			f, err := producer.Submit(t.Context(), c, large, make([]byte, 2<<20), test.options...)
			require.NoError(t, err)
			require.Equal(t, 1, broker.objects.len())
			synctest.Wait()
			test.end(broker, c, f)
			synctest.Wait()
			require.Equal(t, test.kept, broker.objects.len() == 1, name)
		})
	}
}
