package consumer

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/link"
)

// orders is a worker's orders, as they are followed.
func orders(to *chan string) func(*Config) {
	*to = make(chan string, 64)
	return func(cfg *Config) {
		cfg.Order = func(f link.Frame) error {
			*to <- string(f.Payload)
			return nil
		}
	}
}

func (s *supervisor) order(text string) {
	s.t.Helper()
	require.NoError(s.t, s.link.Send(link.KindOrder, nil, func(dst []byte) []byte { return append(dst, text...) }))
}

// Orders are followed while nothing runs, while a task does, and once the worker has
// left, until the link ends.
func TestOrdersAreFollowedAtAnyTime(t *testing.T) {
	t.Parallel()
	f := functions{}
	g := newGate(t, f)
	square(f)
	var followed chan string
	s := serve(t, f, orders(&followed))
	check := func(text string) {
		t.Helper()
		s.order(text)
		require.Equal(t, text, await(s, followed))
	}
	check("idle")
	for id := uint64(1); id <= 3; id++ {
		s.give(id, calls("wait", 0)...)
		await(s, g.began)
		check("busy")
		check("busy, again")
		g.open <- struct{}{}
		s.outcome(id)
		check("idle again")
	}
	s.give(4, calls("square", 3)...)
	requireValue(t, 9, s.outcome(4))
	s.drain()
	for range 3 {
		check("left")
	}
	s.leaves(LeavingDrained)
}

// A worker that is told to drain while it reads leaves at once, and begins nothing that
// comes at the same time.
func TestDrainWhileTheExecutorReads(t *testing.T) {
	t.Parallel()
	f := functions{}
	square(f)
	var followed chan string
	s := serve(t, f, orders(&followed))
	s.order("idle")
	await(s, followed)
	s.drain()
	s.give(1, calls("square", 3)...)
	s.leaves(LeavingDrained)
	require.Zero(t, s.board.Look(1, 1).Begun)
}

func TestWorkerLeavesWhenItsLinkEnds(t *testing.T) {
	t.Parallel()
	f := functions{}
	square(f)
	s := serve(t, f)
	s.give(1, calls("square", 3)...)
	requireValue(t, 9, s.outcome(1))
	require.NoError(t, s.link.Close())
	select {
	case err := <-s.broken:
		require.ErrorIs(t, err, io.EOF)
	case <-s.bound.Done():
		require.FailNow(t, "the worker does not hear of it")
	}
	s.leaves(leavingLost)
}
