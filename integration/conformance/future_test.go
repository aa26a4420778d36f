package conformance

import (
	"context"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// outcome is what a future gave somebody.
type outcome struct {
	value int
	err   error
}

func resultOf(ctx context.Context, f *future) outcome {
	value, err := f.Result(ctx)
	return outcome{value, err}
}

func TestFuture(t *testing.T) {
	p := start(t, 2)

	// test_future: test_repr shows state and type names, and never a value.
	t.Run("F5", func(t *testing.T) {
		s := newScene(t, p)
		secret, err := producer.Submit(s.ctx, s.client, declare, "secret")
		require.NoError(t, err)
		require.NoError(t, secret.Err(s.ctx))
		require.Regexp(t, `^Future\[\*conformance\.fault\]\(`+regexp.QuoteMeta(secret.ID().String())+` finished\)$`, secret.String())
		for _, test := range []struct {
			f    *future
			says string
		}{
			{s.pending(), "pending"},
			{s.running(), "running"},
			{s.cancelled(), "cancelled"},
			{s.noticed(), "cancelled"},
			{s.failed(), `finished \*conformance\.fault`},
			{s.succeeded(), "finished"},
		} {
			shape := `^Future\[int\]\(` + regexp.QuoteMeta(test.f.ID().String()) + " " + test.says + `\)$`
			require.Regexp(t, shape, test.f.String())
			_ = test.f.Err(ended()) // a look at the outcome
			require.Regexp(t, shape, test.f.String())
		}
	})

	// test_cancel, test_cancelled, test_done and test_running, from each of the six
	// states; a cancel that gives false leaves the state as it was.
	t.Run("F6", func(t *testing.T) {
		s := newScene(t, p)
		for name, test := range map[string]struct {
			make  func() *future
			state producer.State
			done  bool
			// cancels is what Cancel gives, after what the state is.
			cancels bool
			after   producer.State
		}{
			"pending":   {s.pending, producer.Pending, false, true, producer.Cancelled},
			"running":   {s.running, producer.Running, false, false, producer.Running},
			"cancelled": {s.cancelled, producer.Cancelled, true, true, producer.Cancelled},
			"noticed":   {s.noticed, producer.Cancelled, true, true, producer.Cancelled},
			"failed":    {s.failed, producer.Finished, true, false, producer.Finished},
			"succeeded": {s.succeeded, producer.Finished, true, false, producer.Finished},
		} {
			f := test.make()
			require.Equal(t, test.state, f.State(), name)
			require.Equal(t, test.done, f.State().Done(), name)
			require.Equal(t, test.done, isClosed(f.Done()), name)
			require.Equal(t, test.cancels, cancels(t, f.Cancel), name)
			require.Equal(t, test.after, f.State(), name)
			require.Equal(t, test.done || test.cancels, f.State().Done(), name)
			require.Equal(t, test.done || test.cancels, isClosed(f.Done()), name)
		}
	})

	// test_result_with_timeout and test_exception_with_timeout: what is not done
	// gives the context's error and stays, success gives nil.
	t.Run("F8", func(t *testing.T) {
		s := newScene(t, p)
		expired, cancel := context.WithTimeout(s.ctx, 0)
		defer cancel()
		for name, test := range map[string]struct {
			make  func() *future
			is    error
			as    string
			value int
		}{
			"pending":   {make: s.pending, is: context.DeadlineExceeded},
			"running":   {make: s.running, is: context.DeadlineExceeded},
			"cancelled": {make: s.cancelled, is: codec.ErrCancelled},
			"noticed":   {make: s.noticed, is: codec.ErrCancelled},
			"failed":    {make: s.failed, as: "failed"},
			"succeeded": {make: s.succeeded, value: 42},
		} {
			f := test.make()
			before := f.State()
			for range 2 {
				value, err := f.Result(expired)
				require.Equal(t, test.value, value, name)
				for _, err := range []error{err, f.Err(expired)} {
					var remote *codec.RemoteError
					switch {
					case test.is != nil:
						require.ErrorIs(t, err, test.is, name)
					case test.as != "":
						require.ErrorAs(t, err, &remote, name)
						require.Equal(t, test.as, remote.Message, name)
						require.NotErrorIs(t, err, context.DeadlineExceeded, name)
					default:
						require.NoError(t, err, name)
					}
				}
			}
			require.Equal(t, before, f.State(), name)
		}
	})

	// test_result_with_success and test_exception_with_success: the completion wakes
	// those who wait.
	t.Run("F9", func(t *testing.T) {
		s := newScene(t, p)
		gate := s.gate()
		waiting := s.waiting(s.submit(job{Gate: gate, Value: 42}))
		s.open(gate)
		waiting(func(o outcome) { require.Equal(t, outcome{42, nil}, o) })

		gate = s.gate()
		waiting = s.waiting(s.submit(job{Gate: gate, Fail: "failed"}))
		s.open(gate)
		waiting(func(o outcome) { require.EqualError(t, o.err, "failed") })
	})

	// test_result_with_cancel: Cancel wakes those who wait.
	t.Run("F10", func(t *testing.T) {
		s := newScene(t, p)
		f := s.pending()
		waiting := s.waiting(f)
		require.True(t, cancels(t, f.Cancel))
		waiting(func(o outcome) { require.ErrorIs(t, o.err, codec.ErrCancelled) })
	})

	// test_multiple_set_result and test_multiple_set_exception: the first outcome
	// stands, and callbacks do not run again. Python raises InvalidStateError; here
	// nobody but a worker sets outcomes, and a second one is dropped.
	t.Run("F11", func(t *testing.T) {
		s := newScene(t, p)
		called := map[*future]int{}
		firsts := map[*future]string{}
		for first, settle := range map[string]func(*future){
			"value":     func(f *future) { s.reply(withValue(f, 1)) },
			"failure":   func(f *future) { s.reply(withFailure(f, "first")) },
			"cancelled": func(f *future) { require.True(t, cancels(t, f.Cancel)) },
			"both":      func(f *future) { s.reply(withValue(f, 1), withFailure(f, "second")) },
		} {
			f := s.pending()
			ran := make(chan struct{})
			f.OnDone(func(f *future) {
				called[f]++
				close(ran)
			})
			settle(f)
			s.wait(ran, "the callback does not run")
			state := f.State()
			s.reply(withValue(f, 2))
			s.reply(withFailure(f, "second"))
			require.Equal(t, state, f.State(), first)
			require.Equal(t, first == "cancelled", cancels(t, f.Cancel), first)
			firsts[f] = first
			requireFirst(t, first, resultOf(s.ctx, f))
		}
		require.NoError(t, s.client.Close(s.ctx)) // no callback is under way
		for f, first := range firsts {
			requireFirst(t, first, resultOf(s.ctx, f))
			require.Equal(t, 1, called[f], first)
		}
	})

	// pebble's test_process_pool_error_returned: an error that a task returns as its
	// value is a success.
	t.Run("F17", func(t *testing.T) {
		s := newScene(t, p)
		f, err := producer.Submit(s.ctx, s.client, declare, "not raised")
		require.NoError(t, err)
		value, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, error(&fault{"not raised"}), error(value))
		require.NoError(t, f.Err(s.ctx))
		require.Equal(t, producer.Finished, f.State())
	})
}

// waiting has somebody wait for a future's result and somebody else for its
// error, and returns when both are blocked. What it returns checks what they got.
func (s *scene) waiting(f *future) (check func(func(outcome))) {
	s.Helper()
	outcomes := make(chan outcome, 2)
	result, err := newWaited(s.ctx), newWaited(s.ctx)
	go func() { outcomes <- resultOf(result, f) }()
	go func() { e := f.Err(err); outcomes <- outcome{resultOf(ended(), f).value, e} }()
	s.wait(result.waiting, "Result does not wait")
	s.wait(err.waiting, "Err does not wait")
	return func(check func(outcome)) {
		s.Helper()
		check(receive(s, outcomes))
		check(receive(s, outcomes))
	}
}

// requireFirst requires the outcome that came first in F11.
func requireFirst(t *testing.T, first string, o outcome) {
	t.Helper()
	switch first {
	case "failure":
		require.EqualError(t, o.err, "first")
	case "cancelled":
		require.ErrorIs(t, o.err, codec.ErrCancelled)
	default:
		require.Equal(t, outcome{1, nil}, o)
	}
}

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
