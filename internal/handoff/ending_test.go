package handoff

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

var died = &codec.Failure{Code: codec.CodeWorkerDied, Signal: "SIGKILL", Attempt: 3}

func (b *bundle) settle(t *testing.T, task *codec.Task, o *codec.Outcome) error {
	t.Helper()
	o.N = task.N
	done := make(chan error, 2)
	b.desk.Settle(&Ending{Queue: "q", Client: client, Task: task, Outcome: o}, func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-testContext(t).Done():
		t.Fatal("the task's end was never settled")
		return nil
	}
}

// last returns the last message stored for a subject, or nil.
func (b *bundle) last(t *testing.T, stream, subject string) *jetstream.RawStreamMsg {
	t.Helper()
	s, err := b.js.Stream(testContext(t), stream)
	require.NoError(t, err)
	msg, err := s.GetLastMsgForSubject(testContext(t), subject)
	if err != nil {
		require.ErrorIs(t, err, jetstream.ErrMsgNotFound)
		return nil
	}
	return msg
}

func TestWhatNeedsMoreThanItsOutcomePassedOn(t *testing.T) {
	t.Parallel()
	value := &codec.Outcome{Value: []byte{1}}
	failed := func(code codec.Code) *codec.Outcome { return &codec.Outcome{Failure: &codec.Failure{Code: code}} }
	for name, c := range map[string]struct {
		task    codec.Task
		outcome *codec.Outcome
		plain   bool
	}{
		"a value":                      {codec.Task{}, value, true},
		"an error":                     {codec.Task{}, failed(codec.CodeError), true},
		"a value to be kept":           {codec.Task{Retain: time.Hour}, value, false},
		"a value under a key":          {codec.Task{Key: "k"}, value, false},
		"the last of several errors":   {codec.Task{MaxErrors: 3, Errors: 3}, failed(codec.CodeError), false},
		"a value after several":        {codec.Task{MaxErrors: 3, Errors: 2}, value, true},
		"the last death":               {codec.Task{}, failed(codec.CodeWorkerDied), false},
		"a limit, with errors to go":   {codec.Task{MaxErrors: 3}, failed(codec.CodeTimeLimit), true},
		"cancelled, with more to go":   {codec.Task{MaxErrors: 3}, failed(codec.CodeCancelled), true},
		"an error marked as final":     {codec.Task{MaxErrors: 3, Errors: 1}, &codec.Outcome{Failure: &codec.Failure{Code: codec.CodeError, Final: true}}, true},
		"a lost argument":              {codec.Task{}, failed(codec.CodeArgumentLost), false},
		"a large argument to remove":   {codec.Task{Object: "o"}, value, false},
		"unknown func, and more tries": {codec.Task{MaxErrors: 3}, failed(codec.CodeUnknownFunc), true},
	} {
		require.Equal(t, c.plain, Plain(&c.task, c.outcome.Failure), name)
	}
}

func TestDurableOutcomeIsStoredThoughTheClientListens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	live := make(chan *nats.Msg, 4)
	for _, subject := range []string{broker.ReplyWildcard(client), broker.LiveWildcard(client)} {
		_, err := b.nc.ChanSubscribe(subject, live)
		require.NoError(t, err)
	}
	require.NoError(t, b.settle(t, &codec.Task{N: 5, Retain: 90 * time.Minute}, &codec.Outcome{Value: []byte{7}}))
	msg := b.last(t, broker.ResultsStream, broker.ResultSubject(client, 5))
	require.NotNil(t, msg)
	require.Equal(t, "5400", msg.Header.Get(jetstream.MsgTTLHeader))
	require.Equal(t, broker.LiveResultSubject(client, 5), (<-live).Subject, "and only by way of the stream")

	require.NoError(t, b.settle(t, &codec.Task{N: 5, Retain: time.Hour}, &codec.Outcome{Value: []byte{8}}))
	again := b.last(t, broker.ResultsStream, broker.ResultSubject(client, 5))
	require.Equal(t, msg.Data, again.Data, "the first outcome stands")
}

func TestTaskGivenUpIsADeadLetterOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := &codec.Task{N: 5, Func: "f", Arg: []byte{1}, Crashes: 3}
	for range 2 { // another host may have come to the same end
		require.NoError(t, b.settle(t, task, &codec.Outcome{Failure: died}))
	}
	msg := b.last(t, broker.DeadStream, broker.DeadSubject("q", client, 5))
	require.NotNil(t, msg)
	letter, err := codec.ReadDeadLetter(msg.Data)
	require.NoError(t, err)
	require.Equal(t, "q", letter.Queue)
	require.Equal(t, died, letter.Failure)
	id, kept, err := letter.Task()
	require.NoError(t, err)
	require.Equal(t, codec.ID{Client: client, N: 5}, id)
	require.Equal(t, task, kept)
	stream, err := b.js.Stream(testContext(t), broker.DeadStream)
	require.NoError(t, err)
	require.EqualValues(t, 1, stream.CachedInfo().State.Msgs)
	require.NotNil(t, b.last(t, broker.ResultsStream, broker.ResultSubject(client, 5)), "its caller is told all the same")
}

func TestMessageThatIsNoBatchIsPutAside(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := make(chan error, 2)
	b.desk.Unread("q", 17, []byte("hello"), codec.ErrMalformed, func(err error) { done <- err })
	require.NoError(t, <-done)
	letter, err := codec.ReadDeadLetter(b.last(t, broker.DeadStream, broker.UnreadSubject("q", 17)).Data)
	require.NoError(t, err)
	require.Equal(t, []byte("hello"), letter.Message)
	require.Equal(t, codec.ErrMalformed.Error(), letter.Failure.Message)
}

// A client that is frozen costs its patience once, not each time.
func TestClientWithoutReceiptIsNotAskedAgainForAWhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := make(chan *nats.Msg, 16)
	_, err := b.nc.ChanSubscribe(broker.ReplySubject(client), asked)
	require.NoError(t, err)
	for n := range uint64(5) {
		require.NoError(t, b.send(t, outcomes(n)))
	}
	require.Len(t, asked, 1)
	require.EqualValues(t, 5, b.stored(t))
}

func TestSuspicionEnds(t *testing.T) {
	t.Parallel()
	var s suspects
	now := time.Now()
	require.False(t, s.has(client, now))
	s.add(client, now)
	require.True(t, s.has(client, now.Add(suspicion)))
	require.False(t, s.has(client, now.Add(suspicion+1)))
	require.Empty(t, s)
	for n := range 2 * maxSuspects {
		s.add(string(rune('a'+n)), now)
	}
	require.LessOrEqual(t, len(s), maxSuspects)
}

func TestKeyOfSettledTaskIsFree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := testContext(t)
	require.NoError(t, broker.EnsureQueue(ctx, b.js, "q", broker.StreamOptions{}))
	hold := func(n uint64) string {
		holder, err := broker.PublishUnique(ctx, b.nc, "q", "nightly", broker.KeyHolder{ID: codec.ID{Client: client, N: n}.String()}, &nats.Msg{
			Subject: broker.TaskSubject("q", broker.Normal), Data: []byte("task"),
		})
		require.NoError(t, err)
		return holder.ID
	}
	first := codec.ID{Client: client, N: 5}.String()
	require.Empty(t, hold(5))
	require.Equal(t, first, hold(6))
	stranger := &codec.Task{N: 7, Key: "nightly", Retain: time.Hour}
	require.NoError(t, b.settle(t, stranger, &codec.Outcome{Value: []byte{1}}))
	require.Equal(t, first, hold(6), "who does not hold it does not release it")
	require.NoError(t, b.settle(t, &codec.Task{N: 5, Key: "nightly", Retain: time.Hour}, &codec.Outcome{Value: []byte{1}}))
	require.Empty(t, hold(6))
}
