package producer_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/producer"
)

// canceller is a future's Cancel.
type canceller = func(context.Context) (bool, error)

// bring brings a pending future into a state.
var bring = map[string]func(f *fake, id codec.ID, cancel canceller){
	"pending":   func(*fake, codec.ID, canceller) {},
	"running":   func(f *fake, id codec.ID, _ canceller) { f.start(id) },
	"cancelled": func(_ *fake, _ codec.ID, cancel canceller) { _, _ = cancel(context.Background()) },
	"cancelled elsewhere": func(f *fake, id codec.ID, _ canceller) {
		f.settle(id, codec.Outcome{Failure: &codec.Failure{Code: codec.CodeCancelled}})
	},
	"failed":    func(f *fake, id codec.ID, _ canceller) { f.fail(id, "ow") },
	"succeeded": func(f *fake, id codec.ID, _ canceller) { f.succeed(id, 42) },
}

// F6, F8: what each state answers, and what Cancel and Kill make of it.
func TestStates(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		state, killed producer.State
		cancel, kill  bool
		err           error // of a look
	}{
		"pending":             {producer.Pending, producer.Cancelled, true, true, context.Canceled},
		"running":             {producer.Running, producer.Cancelled, false, true, context.Canceled},
		"cancelled":           {producer.Cancelled, producer.Cancelled, true, true, codec.ErrCancelled},
		"cancelled elsewhere": {producer.Cancelled, producer.Cancelled, true, true, codec.ErrCancelled},
		"failed":              {producer.Finished, producer.Finished, false, false, new(codec.RemoteError)},
		"succeeded":           {producer.Finished, producer.Finished, false, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker := &fake{}
			c := connect(t, broker)
			f := submit(t, c, 21)
			bring[name](broker, f.ID(), f.Cancel)
			require.Equal(t, want.state, f.State())
			require.Equal(t, want.state >= producer.Finished, f.State().Done())

			value, err := f.Result(ended)
			var remote *codec.RemoteError
			switch {
			case want.err == nil:
				require.NoError(t, err)
				require.Equal(t, 42, value)
			case errors.As(want.err, &remote):
				require.ErrorAs(t, err, &remote)
				require.Equal(t, "ow", remote.Message)
				require.Equal(t, f.ID(), remote.Task)
			default:
				require.ErrorIs(t, err, want.err)
			}
			require.Equal(t, err, f.Err(ended), "every look finds the same")

			require.Equal(t, want.cancel, cancels(t, f.Cancel))
			if !want.cancel {
				require.Equal(t, want.state, f.State())
			}
			require.Equal(t, want.cancel, cancels(t, f.Cancel), "again")
			require.Equal(t, want.kill, cancels(t, f.Kill))
			require.Equal(t, want.killed, f.State())
			if want.killed.Done() {
				require.Zero(t, c.Pending())
				<-f.Done()
			}
		})
	}
}

// F9, F10: whoever waits is woken by the outcome and by Cancel.
func TestWaitersWake(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{"succeeded": nil, "failed": new(codec.RemoteError), "cancelled": codec.ErrCancelled} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				broker := &fake{}
				f := submit(t, connect(t, broker), 21)
				const waiters = 5
				errs := make(chan error, waiters)
				for range waiters {
					go func() { errs <- f.Err(t.Context()) }()
				}
				synctest.Wait()
				require.Empty(t, errs)
				bring[name](broker, f.ID(), f.Cancel)
				for range waiters {
					err := <-errs
					var remote *codec.RemoteError
					if errors.As(want, &remote) {
						require.ErrorAs(t, err, &remote)
					} else {
						require.ErrorIs(t, err, want)
					}
				}
			})
		})
	}
}

// The end of a wait changes nothing, and is told from the task's own failure.
func TestResultEndsWithContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		f := submit(t, connect(t, broker), 21)
		why := errors.New("why")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, why)
		defer cancel()
		began := time.Now()
		err := f.Err(ctx)
		require.Equal(t, time.Second, time.Since(began))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, why)
		require.ErrorContains(t, err, f.ID().String()+" is pending")

		broker.settle(f.ID(), codec.Outcome{Failure: &codec.Failure{Code: codec.CodeError, Message: context.DeadlineExceeded.Error()}})
		err = f.Err(ctx)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		require.EqualError(t, err, "context deadline exceeded")
	})
}

// F11: the first outcome stands, and callbacks do not run again.
func TestOneOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker := &fake{}
		f := submit(t, connect(t, broker), 21)
		called := 0
		f.OnDone(func(*producer.Future[int]) { called++ })
		broker.succeed(f.ID(), 1)
		broker.succeed(f.ID(), 2)
		broker.fail(f.ID(), "late")
		broker.start(f.ID())
		require.False(t, cancels(t, f.Cancel))
		value, err := f.Result(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, value)
		synctest.Wait()
		require.Equal(t, 1, called)
		broker.succeed(codec.ID{N: 1000}, 1) // of nobody
	})
}

// F5: state and types, never a value.
func TestString(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"pending": "pending)", "running": "running)", "cancelled": "cancelled)", "cancelled elsewhere": "cancelled)",
		"failed": "finished *errors.errorString)", "succeeded": "finished)",
	} {
		broker := &fake{}
		f := submit(t, connect(t, broker), 21)
		bring[name](broker, f.ID(), f.Cancel)
		want = "Future[int](" + f.ID().String() + " " + want
		require.Equal(t, want, f.String())
		_ = f.Err(ended)
		require.Equal(t, want, f.String(), "once the outcome was looked at")
	}
	broker := &fake{}
	f := submit(t, connect(t, broker), 21)
	broker.settle(f.ID(), codec.Outcome{Failure: &codec.Failure{Code: codec.CodeWorkerDied, Stderr: "secret"}})
	require.Contains(t, f.String(), "finished *codec.WorkerDiedError)")
	require.Equal(t, "State(9)", producer.State(9).String())
}

type result struct{ Text string }

func (r result) Error() string { return r.Text }

// F17: an error that is a value is a success.
func TestErrorAsValue(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	f, err := producer.Submit(t.Context(), c, codec.NewFunc[int, result]("make"), 1)
	require.NoError(t, err)
	broker.succeed(f.ID(), result{"not bad"})
	got, err := f.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, result{"not bad"}, got)
}

// An empty message does not make a failure a success.
func TestFailureWithoutMessage(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	f := submit(t, connect(t, broker), 1)
	broker.settle(f.ID(), codec.Outcome{Failure: &codec.Failure{}})
	require.Error(t, f.Err(t.Context()))
}

func TestErrorsOfFunc(t *testing.T) {
	t.Parallel()
	errRange := errors.New("out of range")
	narrow := codec.NewFunc[int, int]("narrow", codec.WithErrors(errRange), codec.WithErrorType[result]())
	broker := &fake{}
	f, err := producer.Submit(t.Context(), connect(t, broker), narrow, 1)
	require.NoError(t, err)
	broker.settle(f.ID(), codec.Outcome{Failure: narrow.Failure(errors.Join(errRange, result{"7"}))})
	require.ErrorIs(t, f.Err(t.Context()), errRange)
	var as result
	require.ErrorAs(t, f.Err(t.Context()), &as)
	require.Equal(t, result{"7"}, as)
}

// quitter is a result whose decoder does what a decoder should not.
type quitter struct{}

func (*quitter) DecodeMsgpack(*msgpack.Decoder) error   { runtime.Goexit(); return nil }
func (*quitter) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeNil() }

// What does not decode fails that future only, and no one else notices.
func TestResultDoesNotDecode(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	f, g := submit(t, c, 1), submit(t, c, 2)
	broker.succeed(f.ID(), "text")
	broker.succeed(g.ID(), 4)
	require.ErrorIs(t, f.Err(t.Context()), codec.ErrDecode)
	require.NoError(t, g.Err(t.Context()))

	q, err := producer.Submit(t.Context(), c, codec.NewFunc[int, *quitter]("quit"), 1)
	require.NoError(t, err)
	broker.succeed(q.ID(), 1)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = q.Err(context.Background())
	}()
	<-gone
	require.ErrorIs(t, q.Err(t.Context()), codec.ErrDecode)
}

func TestFutureStaysHere(t *testing.T) {
	t.Parallel()
	f := submit(t, connect(t, &fake{}), 1)
	_, err := codec.AppendValue(nil, any(f))
	require.ErrorIs(t, err, codec.ErrEncode)
}

// Kill asks for running tasks to be stopped, Cancel does not.
func TestKillRequest(t *testing.T) {
	t.Parallel()
	broker := &fake{}
	c := connect(t, broker)
	f, g := submit(t, c, 1), submit(t, c, 2)
	broker.start(f.ID())
	require.True(t, cancels(t, f.Kill))
	require.True(t, cancels(t, g.Cancel))
	require.Equal(t, []cancelled{
		{queue: producer.DefaultQueue, client: c.ID(), running: true, tasks: []uint64{f.ID().N}},
		{queue: producer.DefaultQueue, client: c.ID(), running: false, tasks: []uint64{g.ID().N}},
	}, broker.cancelRequests())
	require.ErrorIs(t, f.Err(t.Context()), codec.ErrCancelled)
}
