package conformance

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

func TestWait(t *testing.T) {
	p := start(t, 4)

	// test_20369: a future that is given twice is in one set, once.
	t.Run("W1", func(t *testing.T) {
		s := newScene(t, p)
		f := s.submit(job{Value: 2})
		requireWait(s, s.ctx, producer.AllCompleted, futures(f, f), futures(f), nil)
		g := s.pending()
		requireWait(s, ended(), producer.AllCompleted, futures(g, f, g), futures(f), futures(g))
	})

	// test_first_completed: the future that finishes is done, the others are not. In
	// Python neither is a cancelled one, before an internal notice; here it is at once.
	t.Run("W2", func(t *testing.T) {
		s := newScene(t, p)
		gate := s.gate()
		finishing, blocked := s.submit(job{Gate: gate, Value: 42}), s.blocked()
		waiting := s.whileWaiting(producer.FirstCompleted, finishing, blocked)
		s.open(gate)
		waiting(futures(finishing), futures(blocked))

		pending, cancelled := s.pending(), s.cancelled()
		requireWait(s, s.ctx, producer.FirstCompleted, futures(pending, cancelled, blocked), futures(cancelled), futures(pending, blocked))
		waiting = s.whileWaiting(producer.FirstCompleted, pending, blocked)
		require.True(t, cancels(t, pending.Cancel))
		waiting(futures(pending), futures(blocked))
	})

	// test_first_completed_some_already_completed and
	// test_first_exception_one_already_failed: it returns at once.
	t.Run("W3", func(t *testing.T) {
		s := newScene(t, p)
		noticed, succeeded, failed, blocked := s.noticed(), s.succeeded(), s.failed(), s.blocked()
		requireWait(s, s.ctx, producer.FirstCompleted, futures(noticed, succeeded, blocked), futures(noticed, succeeded), futures(blocked))
		requireWait(s, s.ctx, producer.FirstError, futures(failed, blocked), futures(failed), futures(blocked))
	})

	// test_first_exception: a success does not end it, and then a failure does.
	t.Run("W4", func(t *testing.T) {
		s := newScene(t, p)
		first, second := s.gate(), s.gate()
		f1, f2, f3 := s.submit(job{Gate: first, Value: 42}), s.submit(job{Gate: second, Fail: "failed"}), s.blocked()
		waiting := s.whileWaiting(producer.FirstError, f1, f2, f3)
		s.open(first)
		s.until(f1, producer.Finished)
		s.open(second)
		waiting(futures(f1, f2), futures(f3))
	})

	// test_first_exception_some_already_complete: neither successes nor cancellations
	// end it. In Python a cancelled future may be in the other set; here it is done.
	t.Run("W5", func(t *testing.T) {
		s := newScene(t, p)
		gate := s.gate()
		succeeded, cancelled, noticed := s.succeeded(), s.cancelled(), s.noticed()
		f1, f2 := s.submit(job{Gate: gate, Fail: "failed"}), s.blocked()
		waiting := s.whileWaiting(producer.FirstError, succeeded, cancelled, noticed, f1, f2)
		s.open(gate)
		waiting(futures(succeeded, cancelled, noticed, f1), futures(f2))
	})

	// test_all_completed and the two test_timeout: all outcomes alike are done, and
	// when the time is over those that are so far.
	t.Run("W6", func(t *testing.T) {
		s := newScene(t, p)
		first, second := s.gate(), s.gate()
		noticed, cancelled, failed, succeeded := s.noticed(), s.cancelled(), s.failed(), s.succeeded()
		f1, f2 := s.submit(job{Gate: first, Fail: "failed"}), s.submit(job{Gate: second, Value: 42})
		waiting := s.whileWaiting(producer.AllCompleted, noticed, cancelled, failed, succeeded, f1, f2)
		s.open(first)
		s.open(second)
		waiting(futures(noticed, cancelled, failed, succeeded, f1, f2), nil)

		gate := s.gate()
		f1, f2 = s.submit(job{Gate: gate, Value: 42}), s.blocked()
		timeout := newExpiring(s.ctx)
		waiting = s.whileWaitingUntil(timeout, producer.AllCompleted, noticed, failed, succeeded, f1, f2)
		s.open(gate)
		s.until(f1, producer.Finished)
		timeout.expire()
		waiting(futures(noticed, failed, succeeded, f1), futures(f2))

		soonOver, cancel := context.WithTimeout(s.ctx, 1)
		defer cancel()
		requireWait(s, soonOver, producer.AllCompleted, futures(f1, f2), futures(f1), futures(f2))
	})

	// A probe of CPython: no futures are two empty sets, and a timeout of 0 is a look.
	// An unknown mode is an error there only if it would have to wait; here always.
	t.Run("W9", func(t *testing.T) {
		s := newScene(t, p)
		succeeded, failed, pending := s.succeeded(), s.failed(), s.pending()
		for _, mode := range []producer.Mode{producer.FirstCompleted, producer.FirstError, producer.AllCompleted} {
			for _, ctx := range []context.Context{s.ctx, ended()} {
				requireWait(s, ctx, mode, nil, nil, nil)
			}
			requireWait(s, ended(), mode, futures(pending), nil, futures(pending))
			requireWait(s, ended(), mode, futures(succeeded, pending, failed), futures(succeeded, failed), futures(pending))
		}
		for _, mode := range []producer.Mode{-1, 0, producer.AllCompleted + 1} {
			for _, of := range [][]*future{nil, {succeeded}, {pending}} {
				done, pending, err := producer.Wait(s.ctx, mode, of...)
				require.ErrorIs(t, err, producer.ErrOption)
				require.Empty(t, done)
				require.Empty(t, pending)
			}
		}
	})
}

func futures(fs ...*future) []*future { return fs }

// requireWait waits and requires what it gives.
func requireWait(s *scene, ctx context.Context, mode producer.Mode, of, done, pending []*future) {
	s.Helper()
	gotDone, gotPending, err := producer.Wait(ctx, mode, of...)
	require.NoError(s, err)
	requireSame(s, done, gotDone)
	requireSame(s, pending, gotPending)
	require.NoError(s, s.ctx.Err(), "it waited")
}

// requireSame requires the same futures, in the same order.
func requireSame(s *scene, want, got []*future) {
	s.Helper()
	require.Len(s, got, len(want))
	for i := range want {
		require.Same(s, want[i], got[i])
	}
}

// whileWaiting has somebody wait for futures, and returns when he is blocked.
// What it returns checks what he got.
func (s *scene) whileWaiting(mode producer.Mode, of ...*future) (check func(done, pending []*future)) {
	s.Helper()
	return s.whileWaitingUntil(s.ctx, mode, of...)
}

func (s *scene) whileWaitingUntil(ctx context.Context, mode producer.Mode, of ...*future) (check func(done, pending []*future)) {
	s.Helper()
	type sets struct {
		done, pending []*future
		err           error
	}
	waited, got := newWaited(ctx), make(chan sets, 1)
	go func() {
		done, pending, err := producer.Wait(waited, mode, of...)
		got <- sets{done, pending, err}
	}()
	s.wait(waited.waiting, "Wait does not wait")
	return func(done, pending []*future) {
		s.Helper()
		sets := receive(s, got)
		require.NoError(s, sets.err)
		requireSame(s, done, sets.done)
		requireSame(s, pending, sets.pending)
	}
}
