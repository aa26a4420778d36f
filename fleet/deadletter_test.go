package fleet_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

func TestDeadLetterOfPoison(t *testing.T) {
	s := newScene(t)
	c := s.client()
	s.host(2)
	antidote := s.path("antidote")
	future := submit(s, c, poison, antidote, producer.Crashes(2), producer.Deadline(time.Now().Add(time.Hour)))
	err := future.Err(s.ctx)
	died, ok := errors.AsType[*codec.WorkerDiedError](err)
	require.True(t, ok, err)

	require.Empty(t, s.letters("other"))
	letters := s.letters("")
	require.Len(t, letters, 1)
	require.Equal(t, 1, s.queue().Dead)
	letter := letters[0]
	id := future.ID().String()
	require.Equal(t, id, letter.ID)
	require.Equal(t, producer.DefaultQueue, letter.Queue)
	require.Equal(t, "poison", letter.Func)
	require.Equal(t, 2, letter.Crashes)
	require.WithinDuration(t, time.Now(), letter.At, patience)
	require.Equal(t, codec.CodeWorkerDied, letter.Cause.Code)
	require.Equal(t, err.Error(), letter.Cause.Error)
	require.Equal(t, died.PID, letter.Cause.PID)
	require.Equal(t, "SIGKILL", letter.Cause.Signal)
	path, err := poison.Arg(letter.Arg)
	require.NoError(t, err)
	require.Equal(t, antidote, path)
	shown, err := s.fleet.DeadLetter(s.ctx, id)
	require.NoError(t, err)
	require.Equal(t, letter, shown)
	_, err = json.Marshal(letter)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(antidote, nil, 0o600))
	renewed, err := s.fleet.RetryDead(s.ctx, id)
	require.NoError(t, err)
	require.NotEqual(t, future.ID(), renewed)
	require.Empty(t, s.letters(""))
	again, err := producer.Attach(s.ctx, s.client(), poison, renewed)
	require.NoError(t, err)
	got, err := again.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, "well", got)
	require.ErrorIs(t, future.Err(s.ctx), codec.ErrWorkerDied, "what was given up has had its outcome")
}

// A retry of which nobody knows whether it was made is made again.
func TestRetryAfterInterruption(t *testing.T) {
	s := newScene(t)
	c := s.client()
	s.bury(codec.ID{Client: "gone", N: 7}, &codec.Task{N: 7, Func: "double", Arg: []byte{21}})
	first, err := s.fleet.RetryDead(s.ctx, "gone-7")
	require.NoError(t, err)

	// As it would be if the letter had not been removed.
	s.bury(codec.ID{Client: "gone", N: 7}, &codec.Task{N: 7, Func: "double", Arg: []byte{21}})
	second, err := s.fleet.RetryDead(s.ctx, "gone-7")
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.EqualValues(t, 1, s.queue().Waiting)

	s.host(1)
	future, err := producer.Attach(s.ctx, c, double, first)
	require.NoError(t, err)
	got, err := future.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 42, got)

	s.bury(codec.ID{Client: "gone", N: 7}, &codec.Task{N: 7, Func: "double", Arg: []byte{21}})
	third, err := s.fleet.RetryDead(s.ctx, "gone-7")
	require.NoError(t, err)
	require.Equal(t, first, third)
	require.Zero(t, s.queue().Waiting)
}

func TestRetryRefused(t *testing.T) {
	s := newScene(t)
	c := s.client()
	holder := submit(s, c, double, 1, producer.Key("one"))
	s.bury(codec.ID{Client: "gone", N: 1}, &codec.Task{N: 1, Func: "double", Key: "one"})
	_, err := s.fleet.RetryDead(s.ctx, "gone-1")
	require.ErrorIs(t, err, fleet.ErrKeyHeld)
	require.ErrorContains(t, err, holder.ID().String())

	s.bury(codec.ID{Client: "gone", N: 2}, &codec.Task{N: 2, Func: "double", Object: "none"})
	_, err = s.fleet.RetryDead(s.ctx, "gone-2")
	require.ErrorIs(t, err, fleet.ErrArgumentGone)
	require.Len(t, s.letters(producer.DefaultQueue), 2, "what cannot be retried stays")
}

func TestDeadLetterOfUnreadableMessage(t *testing.T) {
	s := newScene(t)
	s.client()
	s.host(1)
	js := s.jetStream()
	ack, err := js.Publish(s.ctx, broker.TaskSubject(producer.DefaultQueue, broker.Normal), []byte("hello"))
	require.NoError(t, err)
	require.EqualValues(t, 1, ack.Sequence)
	require.Eventually(t, func() bool { return len(s.letters("")) == 1 }, patience, 10*time.Millisecond)
	letter := s.letters(producer.DefaultQueue)[0]
	require.Equal(t, "unread:default:1", letter.ID)
	require.Equal(t, "hello", string(letter.Arg))
	require.Contains(t, letter.Cause.Error, "malformed")
	_, err = s.fleet.RetryDead(s.ctx, letter.ID)
	require.ErrorIs(t, err, fleet.ErrNoTask)
	require.NoError(t, s.fleet.RemoveDead(s.ctx, letter.ID))
	require.ErrorIs(t, s.fleet.RemoveDead(s.ctx, letter.ID), fleet.ErrNoLetter)
}

func TestLetterThatDoesNotRead(t *testing.T) {
	s := newScene(t)
	require.NoError(t, s.fleet.CreateQueue(s.ctx, "q"))
	_, err := s.jetStream().Publish(s.ctx, broker.DeadSubject("q", "c", 1), []byte("hello"))
	require.NoError(t, err)
	letter, err := s.fleet.DeadLetter(s.ctx, "c-1")
	require.NoError(t, err)
	require.Contains(t, letter.Cause.Error, "does not read")
	_, err = s.fleet.RetryDead(s.ctx, "c-1")
	require.ErrorIs(t, err, fleet.ErrNoTask)
	require.NoError(t, s.fleet.RemoveDead(s.ctx, "c-1"))
}

func TestLetterIDs(t *testing.T) {
	s := newScene(t)
	for _, id := range []string{"", "x", "a.b.c-1", "unread:", "unread:q", "unread:a.b:1", "unread:q:x"} {
		_, err := s.fleet.DeadLetter(s.ctx, id)
		require.ErrorIs(t, err, fleet.ErrLetterID, id)
	}
	for _, id := range []string{"abc-1", "unread:q:1"} {
		_, err := s.fleet.DeadLetter(s.ctx, id)
		require.ErrorIs(t, err, fleet.ErrNoLetter, id)
		require.ErrorIs(t, s.fleet.RemoveDead(s.ctx, id), fleet.ErrNoLetter, id)
		_, err = s.fleet.RetryDead(s.ctx, id)
		require.ErrorIs(t, err, fleet.ErrNoLetter, id)
	}
	for _, err := range s.fleet.DeadLetters(s.ctx, "a.b") {
		require.ErrorIs(t, err, fleet.ErrQueueName)
	}
}

func (s *scene) jetStream() jetstream.JetStream {
	s.t.Helper()
	nc, err := nats.Connect(s.url)
	require.NoError(s.t, err)
	s.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	return js
}

// bury stores a dead letter in the default queue.
func (s *scene) bury(id codec.ID, task *codec.Task) {
	s.t.Helper()
	batch := codec.NewBatch(id.Client, nil)
	batch.Add(task)
	letter := codec.AppendDeadLetter(nil, &codec.DeadLetter{
		Queue: producer.DefaultQueue, At: time.Now(), Message: batch.Bytes(),
		Failure: &codec.Failure{Code: codec.CodeWorkerDied},
	})
	_, err := s.jetStream().Publish(s.ctx, broker.DeadSubject(producer.DefaultQueue, id.Client, id.N), letter)
	require.NoError(s.t, err)
}
