package integration

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// soon is the shortest backoff that makes a difference: the broker looks at its
// schedules every 250 ms.
const soon = 10 * time.Millisecond

// deadLetter returns the dead letter of a task of the default queue, or nil.
func deadLetter(s *stage, url string, id codec.ID) *codec.DeadLetter {
	s.t.Helper()
	js, err := jetstream.New(s.observe(url))
	require.NoError(s.t, err)
	stream, err := js.Stream(s.ctx, broker.DeadStream)
	require.NoError(s.t, err)
	msg, err := stream.GetLastMsgForSubject(s.ctx, broker.DeadSubject(producer.DefaultQueue, id.Client, id.N))
	if err != nil {
		require.ErrorIs(s.t, err, jetstream.ErrMsgNotFound)
		return nil
	}
	letter, err := codec.ReadDeadLetter(msg.Data)
	require.NoError(s.t, err)
	return &letter
}

func TestErrorsAreTriedAgainWithinTheirBudget(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.host(url, "host", 2)
	c := s.client(url)
	for _, manner := range []string{"error", "panic", "goexit"} {
		f, err := producer.Submit(s.ctx, c, flaky, flakiness{Manner: manner, Times: 2}, producer.Attempts(3), producer.Backoff(soon))
		require.NoError(t, err)
		got, err := f.Result(s.ctx)
		require.NoError(t, err, manner)
		require.Equal(t, 3, got.Attempt)
		require.Nil(t, deadLetter(s, url, f.ID()))
	}
}

func TestErrorsBeyondTheirBudgetEndAsDeadLetter(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.host(url, "host", 2)
	c := s.client(url)
	f, err := producer.Submit(s.ctx, c, flaky, flakiness{Manner: "error", Times: 9}, producer.Attempts(2), producer.Backoff(soon))
	require.NoError(t, err)
	remote := (*codec.RemoteError)(nil)
	require.ErrorAs(t, f.Err(s.ctx), &remote)
	require.Equal(t, "no luck", remote.Message)
	require.Equal(t, 2, remote.Attempt)

	letter := deadLetter(s, url, f.ID())
	require.NotNil(t, letter)
	require.Equal(t, "no luck", letter.Failure.Message)
	_, task, err := letter.Task()
	require.NoError(t, err)
	require.Equal(t, 2, task.Errors)

	// An error without a budget of its own is its caller's business alone.
	f, err = producer.Submit(s.ctx, c, flaky, flakiness{Manner: "error", Times: 9})
	require.NoError(t, err)
	require.ErrorAs(t, f.Err(s.ctx), &remote)
	require.Nil(t, deadLetter(s, url, f.ID()))
}

func TestFinalErrorIsNotTriedAgain(t *testing.T) {
	s := newStage(t)
	p := s.local(1)
	f, err := producer.Submit(s.ctx, p.Client(), flaky, flakiness{Manner: "final", Times: 9}, producer.Attempts(5), producer.Backoff(soon))
	require.NoError(t, err)
	remote := (*codec.RemoteError)(nil)
	require.ErrorAs(t, f.Err(s.ctx), &remote)
	require.Equal(t, 1, remote.Attempt)
	require.Equal(t, "no luck", remote.Message)
}

// What no attempt would change is no dead letter, whatever the error budget: it is
// the caller's business.
func TestFailureThatIsNotTriedAgainIsNoDeadLetter(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.host(url, "host", 1)
	c := s.client(url)
	wrong := codec.NewFunc[string, seen](flaky.Name())
	for name, test := range map[string]struct {
		submit func(options ...producer.CallOption) (*producer.Future[seen], error)
		option producer.CallOption
		err    error
	}{
		"an error marked as final": {func(o ...producer.CallOption) (*producer.Future[seen], error) {
			return producer.Submit(s.ctx, c, flaky, flakiness{Manner: "final", Times: 9}, o...)
		}, nil, nil},
		"an error marked as final, durable": {func(o ...producer.CallOption) (*producer.Future[seen], error) {
			return producer.Submit(s.ctx, c, flaky, flakiness{Manner: "final", Times: 9}, o...)
		}, producer.Retain(time.Hour), nil},
		"an argument that does not decode": {func(o ...producer.CallOption) (*producer.Future[seen], error) {
			return producer.Submit(s.ctx, c, wrong, "text", o...)
		}, nil, codec.ErrArgument},
		"a deadline that has passed": {func(o ...producer.CallOption) (*producer.Future[seen], error) {
			return producer.Submit(s.ctx, c, flaky, flakiness{}, o...)
		}, producer.Deadline(time.Now().Add(-time.Minute)), codec.ErrExpired},
		"a time limit": {func(o ...producer.CallOption) (*producer.Future[seen], error) {
			return producer.Submit(s.ctx, c, nap, time.Minute, o...)
		}, producer.Limit(time.Millisecond), codec.ErrTimeLimit},
	} {
		options := []producer.CallOption{producer.Attempts(2)}
		if test.option != nil {
			options = append(options, test.option)
		}
		f, err := test.submit(options...)
		require.NoError(t, err)
		remote := (*codec.RemoteError)(nil)
		err = f.Err(s.ctx)
		require.ErrorAs(t, err, &remote, name)
		require.Equal(t, 1, remote.Attempt, name)
		if test.err != nil {
			require.ErrorIs(t, err, test.err, name)
		}
		require.Nil(t, deadLetter(s, url, f.ID()), name)
	}
}

func TestNoAttemptIsMadeAfterTheDeadline(t *testing.T) {
	s := newStage(t)
	p := s.local(1)
	f, err := producer.Submit(s.ctx, p.Client(), flaky, flakiness{Manner: "error", Times: 9},
		producer.Attempts(5), producer.Backoff(10*time.Minute), producer.Deadline(time.Now().Add(time.Minute)))
	require.NoError(t, err)
	remote := (*codec.RemoteError)(nil)
	require.ErrorAs(t, f.Err(s.ctx), &remote)
	require.Equal(t, 1, remote.Attempt, "the error that there was, at once")
}

// Between two attempts a task is nobody's but the broker's.
func TestHostDiesBetweenAttempts(t *testing.T) {
	s := newParallelStage(t)
	_, url := s.brokerProgram(-1)
	first := s.hostProgram(url, "first", 1)
	c, g := s.client(url), newGate(t)
	f, err := producer.Submit(s.ctx, c, flaky, flakiness{Gate: g.address, Manner: "error", Times: 1}, producer.Attempts(2), producer.Backoff(10*time.Second))
	require.NoError(t, err)
	v := g.next(t, s.ctx)
	require.Equal(t, 1, v.Attempt)
	v.letGo()
	js, err := jetstream.New(s.observe(url))
	require.NoError(t, err)
	stored := func(stream string) uint64 {
		found, err := js.Stream(s.ctx, stream)
		require.NoError(t, err)
		return found.CachedInfo().State.Msgs
	}
	require.Eventually(t, func() bool {
		return stored(broker.ScheduleStream) == 1 && stored(broker.TaskStream(producer.DefaultQueue)) == 0
	}, patience, 10*time.Millisecond)
	first.kill()
	s.hostProgram(url, "second", 1)
	v = g.next(t, s.ctx)
	require.Equal(t, 2, v.Attempt)
	v.letGo()
	got, err := f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 2, got.Attempt)
}
