package integration

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// narrow makes the default queue one that is full soon.
func (s *stage) narrow(url string) {
	s.t.Helper()
	js, err := jetstream.New(s.observe(url))
	require.NoError(s.t, err)
	require.NoError(s.t, broker.EnsureQueue(s.ctx, js, producer.DefaultQueue, broker.StreamOptions{MaxBytes: 16 << 10}))
}

// A full queue makes Submit wait, until its context ends or there is room; no task
// is lost.
func TestFullQueueWaits(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.narrow(url)
	c := s.client(url)
	soon, cancel := context.WithTimeout(s.ctx, time.Second)
	defer cancel()
	var futures []*producer.Future[int]
	for {
		f, err := producer.Submit(soon, c, double, len(futures))
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "waiting to publish")
			break
		}
		futures = append(futures, f)
		require.Less(t, len(futures), 100_000, "nothing holds it up")
	}
	require.Equal(t, len(futures), c.Pending())
	s.host(url, "host", 2)
	requireDoubled(s, submitDoubles(s, c, 1))
	requireDoubled(s, futures)
}

// A full queue refuses tasks at once, if that is wished; those that it took run.
func TestFullQueueRefuses(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.narrow(url)
	c := s.client(url, producer.WithFullQueue(producer.FailAtOnce))
	futures := submitDoubles(s, c, 2000)
	require.NoError(t, c.Flush(s.ctx))
	s.host(url, "host", 2)
	done, refused := 0, 0
	for i, f := range futures {
		n, err := f.Result(s.ctx)
		if err != nil {
			require.ErrorIs(t, err, producer.ErrQueueFull)
			refused++
			continue
		}
		require.Equal(t, 2*i, n)
		done++
	}
	require.Positive(t, done)
	require.Positive(t, refused)
}
