package secure

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/login"
	"github.com/musterfleet/muster/producer"
)

func TestEachRoleCanDoItsJob(t *testing.T) {
	s := newStage(t, "one-node.conf", "")
	operator := s.fleet()
	require.NoError(t, operator.CreateQueue(s.ctx, "default"))
	host := s.host()
	client := s.client(s.billing)
	require.Regexp(t, `^billing\.[a-z2-7]{16}$`, client.ID())

	// Submit, map, nested calls, a crash.
	f, err := producer.Submit(s.ctx, client, double, 21)
	require.NoError(t, err)
	n, err := f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 42, n)
	sum := 0
	for n, err := range producer.Map(s.ctx, client, double, slices.Values([]int{1, 2, 3})) {
		require.NoError(t, err)
		sum += n
	}
	require.Equal(t, 12, sum)
	f, err = producer.Submit(s.ctx, client, nested, 4)
	require.NoError(t, err)
	n, err = f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 8, n)
	// What a dead process is not known to have handed off runs again, and a nested
	// call would hold up the drain below, since no other host would run it.
	require.Eventually(t, func() bool {
		for _, p := range host.Status().Processes {
			if p.Held > 0 {
				return false
			}
		}
		return true
	}, patience, time.Millisecond)
	f, err = producer.Submit(s.ctx, client, crash, 0)
	require.NoError(t, err)
	_, err = f.Result(s.ctx)
	require.ErrorAs(t, err, new(*codec.WorkerDiedError))

	// Durable: another client of the group attaches.
	f, err = producer.Submit(s.ctx, client, double, 5, producer.Retain(time.Hour))
	require.NoError(t, err)
	_, err = f.Result(s.ctx)
	require.NoError(t, err)
	attached, err := producer.Attach(s.ctx, s.client(s.billing), double, f.ID())
	require.NoError(t, err)
	n, err = attached.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, 10, n)

	// Kill what runs.
	f, err = producer.Submit(s.ctx, client, wait, 0)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return f.State() == producer.Running }, patience, time.Millisecond)
	require.True(t, cancels(t, f.Kill))
	_, err = f.Result(s.ctx)
	require.ErrorIs(t, err, codec.ErrCancelled)

	// The operator looks, pauses, purges, resumes, retries the dead letter.
	require.NoError(t, operator.Pause(s.ctx, "default"))
	f, err = producer.Submit(s.ctx, client, double, 1)
	require.NoError(t, err)
	require.NoError(t, client.Flush(s.ctx))
	// The broker counts a moment after it has confirmed that it stores.
	require.Eventually(t, func() bool {
		queues, err := operator.Queues(s.ctx)
		return err == nil && queues[0].Waiting == 1
	}, patience, time.Millisecond)
	purged, err := operator.Purge(s.ctx, "default")
	require.NoError(t, err)
	require.Equal(t, 1, purged)
	_, err = f.Result(s.ctx)
	require.ErrorIs(t, err, codec.ErrCancelled)
	require.NoError(t, operator.Resume(s.ctx, "default"))
	letters := 0
	for letter, err := range operator.DeadLetters(s.ctx, "default") {
		require.NoError(t, err)
		letters++
		again, err := operator.RetryDead(s.ctx, letter.ID)
		require.NoError(t, err)
		require.Regexp(t, `^billing\.`, again.Client, "the group may ask for what becomes of it")
		retried, err := producer.Attach(s.ctx, client, crash, again)
		require.NoError(t, err)
		_, err = retried.Result(s.ctx)
		require.ErrorAs(t, err, new(*codec.WorkerDiedError))
	}
	require.Equal(t, 1, letters)
	require.NoError(t, host.Drain(s.ctx))
}

// What a client missed while it was away it reads from RESULTS, its own alone.
func TestAProducerCollectsWhatItMissed(t *testing.T) {
	s := newStage(t, "one-node.conf", "")
	require.NoError(t, s.fleet().CreateQueue(s.ctx, "default"))
	nc, err := broker.Connect(s.ctx, broker.Config{URL: s.url, Credentials: s.operator})
	require.NoError(t, err)
	defer nc.Close()
	js, err := broker.Check(s.ctx, nc)
	require.NoError(t, err)
	for _, client := range []string{"billing.a", "other.b"} {
		_, err = js.Publish(s.ctx, broker.ResultSubject(client, 1), []byte(client))
		require.NoError(t, err)
	}
	mine, err := broker.Connect(s.ctx, broker.Config{URL: s.url, Credentials: s.billing})
	require.NoError(t, err)
	defer mine.Close()
	require.Equal(t, []string{"billing.a"}, collected(t, s, mine, "billing.a"))
	data, err := broker.Last(s.ctx, mine, broker.ResultsStream, broker.ResultSubject("billing.a", 1))
	require.NoError(t, err)
	require.Equal(t, "billing.a", string(data))
	_, err = broker.Last(s.ctx, mine, broker.ResultsStream, broker.ResultSubject("other.b", 1))
	require.ErrorIs(t, err, broker.ErrPermission)
}

func TestWhoeverLacksAPermissionIsToldTheMend(t *testing.T) {
	s := newStage(t, "one-node.conf", "")
	began := time.Now()
	_, err := producer.Connect(s.ctx, s.url, producer.WithCredentials(s.billing))
	require.ErrorIs(t, err, broker.ErrPermission, "the queue is not there")
	require.ErrorContains(t, err, "muster queue create")

	require.NoError(t, s.fleet().CreateQueue(s.ctx, "default"))
	_, err = producer.Connect(s.ctx, s.url, producer.WithCredentials(s.billing), producer.WithQueue("other"))
	require.ErrorIs(t, err, broker.ErrPermission)
	require.ErrorContains(t, err, "queue other")

	astray := s.billing
	astray.Group = "elsewhere"
	_, err = producer.Connect(s.ctx, s.url, producer.WithCredentials(astray))
	require.ErrorIs(t, err, broker.ErrPermission)
	require.ErrorContains(t, err, "--group")

	client := s.client(s.billing)
	f, err := producer.Submit(s.ctx, client, double, 1, producer.Key("key"))
	if err == nil { // then it is the future's
		err = f.Err(s.ctx)
	}
	require.ErrorIs(t, err, broker.ErrPermission)
	_, err = producer.Connect(s.ctx, s.url, producer.WithCredentials(login.Credentials{CA: s.authority.file()}))
	require.ErrorIs(t, err, broker.ErrCredential)
	require.Less(t, time.Since(began), patience/2, "nobody waits for an answer that is not to come")
}

// cancels calls a method that cancels, and returns what it says to have cancelled.
func cancels[T any](t testing.TB, cancel func(context.Context) (T, error)) T {
	t.Helper()
	cancelled, err := cancel(context.Background())
	require.NoError(t, err)
	return cancelled
}
