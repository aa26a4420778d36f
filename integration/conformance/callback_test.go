package conformance

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

func TestDoneCallbacks(t *testing.T) {
	p := start(t, 2)

	// test_done_callback_with_result, _with_exception and _with_cancel: the callback
	// finds the outcome without waiting, and has run when Cancel gives true.
	t.Run("F1", func(t *testing.T) {
		s := newScene(t, p)
		seen := make(chan outcome, 1)
		look := func(f *future) { seen <- resultOf(ended(), f) }

		gate := s.gate()
		s.submit(job{Gate: gate, Value: 5}).OnDone(look)
		s.open(gate)
		require.Equal(t, outcome{5, nil}, receive(s, seen))

		gate = s.gate()
		s.submit(job{Gate: gate, Fail: "test"}).OnDone(look)
		s.open(gate)
		require.EqualError(t, receive(s, seen).err, "test")

		f := s.pending()
		var inside error
		f.OnDone(func(f *future) { inside = f.Err(ended()) })
		require.True(t, cancels(t, f.Cancel))
		require.ErrorIs(t, inside, codec.ErrCancelled)
	})

	// test_done_callback_raises: one that panics is logged once, and the next runs.
	t.Run("F2", func(t *testing.T) {
		var log bytes.Buffer
		s := newScene(t, p, producer.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		gate := s.gate()
		f := s.submit(job{Gate: gate, Value: 5})
		var called []string
		f.OnDone(func(*future) {
			called = append(called, "raising")
			panic("doh!")
		})
		f.OnDone(func(f *future) {
			called = append(called, "fn")
			assert.Equal(t, outcome{5, nil}, resultOf(ended(), f))
		})
		s.open(gate)
		require.NoError(t, s.client.Close(s.ctx)) // callbacks have run
		require.Equal(t, []string{"raising", "fn"}, called)
		require.Equal(t, 1, strings.Count(log.String(), "\n"), "%s", &log)
		require.Contains(t, log.String(), "doh!")
		require.Contains(t, log.String(), f.ID().String())
	})

	// test_done_callback_already_successful, _failed and _cancelled: it is called
	// before OnDone returns.
	t.Run("F3", func(t *testing.T) {
		s := newScene(t, p)
		call := func(f *future) (o outcome) {
			called := 0
			f.OnDone(func(f *future) {
				called++
				o = resultOf(ended(), f)
			})
			require.Equal(t, 1, called)
			return o
		}
		require.Equal(t, outcome{42, nil}, call(s.succeeded()))
		require.EqualError(t, call(s.failed()).err, "failed")
		require.ErrorIs(t, call(s.cancelled()).err, codec.ErrCancelled)
	})

	// A probe of CPython: the same callback added twice runs twice, and over several
	// cancels once.
	t.Run("F14", func(t *testing.T) {
		s := newScene(t, p)
		f := s.pending()
		called := 0
		call := func(g *future) {
			assert.Same(t, f, g)
			called++
		}
		f.OnDone(call)
		f.OnDone(call)
		for range 3 {
			require.True(t, cancels(t, f.Cancel))
			require.Equal(t, 2, called)
		}
	})

	// A probe of CPython, where a slow callback delays all results and one that waits
	// for another future deadlocks. Here it may wait, and delays nobody.
	t.Run("F16", func(t *testing.T) {
		s := newScene(t, p)
		gate, slow := s.gate(), make(chan struct{})
		other := s.submit(job{Gate: gate, Value: 2})
		waiting := newWaited(s.ctx)
		var fs []*future
		inside := make(chan outcome, 2)
		for i := range 2 { // one waits for another future, and one is slow
			first := s.gate()
			f := s.submit(job{Gate: first, Value: 1})
			f.OnDone(func(*future) {
				if i == 0 {
					inside <- resultOf(waiting, other)
				} else {
					<-slow
					inside <- outcome{value: 3}
				}
			})
			s.open(first)
			fs = append(fs, f)
		}
		s.wait(waiting.waiting, "the callback does not wait")
		for _, f := range fs { // those who wait do not wait for callbacks
			require.Equal(t, outcome{1, nil}, resultOf(s.ctx, f))
		}
		for i := range 20 {
			called := make(chan outcome, 1)
			f := s.submit(job{Value: i})
			f.OnDone(func(f *future) { called <- resultOf(ended(), f) })
			require.Equal(t, outcome{i, nil}, resultOf(s.ctx, f))
			require.Equal(t, outcome{i, nil}, receive(s, called))
		}
		require.Empty(t, inside)
		s.open(gate)
		require.Equal(t, outcome{2, nil}, receive(s, inside))
		close(slow)
		require.Equal(t, outcome{3, nil}, receive(s, inside))
	})
}
