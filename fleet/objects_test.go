package fleet_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// large is an argument that fits into no message.
var large = strings.Repeat("x", 3<<20)

// stored returns how many bytes the object store takes.
func stored(s *scene, js jetstream.JetStream) uint64 {
	s.t.Helper()
	stream, err := js.Stream(s.ctx, "OBJ_MUSTER")
	require.NoError(s.t, err)
	return stream.CachedInfo().State.Bytes
}

// A client that dies does not remove its large arguments: what purges their tasks does.
func TestPurgeRemovesLargeArguments(t *testing.T) {
	s := newScene(t)
	c := s.client()
	for range 3 {
		submit(s, c, poison, large, producer.Retain(time.Hour))
	}
	submit(s, c, poison, large, producer.Delay(time.Hour), producer.Retain(time.Hour))
	require.NoError(t, c.Flush(s.ctx))
	_ = c.Close(ended())
	js := s.jetStream()
	require.Greater(t, stored(s, js), uint64(4*len(large)))
	n, err := s.fleet.Purge(s.ctx, producer.DefaultQueue)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	require.Less(t, stored(s, js), uint64(10_000), "of 12 MiB")
}

// deadLarge makes a dead letter of a task with a large argument whose client is gone.
func deadLarge(s *scene) fleet.DeadLetter {
	s.t.Helper()
	c := s.client()
	future := submit(s, c, poison, large, producer.Crashes(1), producer.Retain(time.Hour))
	require.NoError(s.t, c.Flush(s.ctx))
	_ = c.Close(ended()) // so that it does not remove the argument
	s.host(1)
	var letter fleet.DeadLetter
	require.Eventually(s.t, func() bool {
		d, err := s.fleet.DeadLetter(s.ctx, future.ID().String())
		if errors.Is(err, fleet.ErrNoLetter) {
			return false
		}
		require.NoError(s.t, err)
		letter = d
		return true
	}, patience, 10*time.Millisecond)
	return letter
}

func TestRemoveDeadRemovesItsLargeArgument(t *testing.T) {
	s := newScene(t)
	letter := deadLarge(s)
	js := s.jetStream()
	require.Greater(t, stored(s, js), uint64(len(large)))
	n, err := s.fleet.CountDead(s.ctx, letter.Queue)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, s.fleet.RemoveDead(s.ctx, letter.ID))
	require.Less(t, stored(s, js), uint64(10_000), "of 3 MiB")
}

// A retried task needs its argument, also if the retry was interrupted before the letter
// was removed, and somebody removes that.
func TestRetryKeepsTheLargeArgument(t *testing.T) {
	s := newScene(t)
	letter := deadLarge(s)
	js := s.jetStream()
	stream, err := js.Stream(s.ctx, broker.DeadStream)
	require.NoError(t, err)
	msg, err := stream.GetMsg(s.ctx, stream.CachedInfo().State.LastSeq)
	require.NoError(t, err)
	require.NoError(t, s.fleet.Pause(s.ctx, letter.Queue))
	_, err = s.fleet.RetryDead(s.ctx, letter.ID)
	require.NoError(t, err)
	require.Greater(t, stored(s, js), uint64(len(large)))

	_, err = js.PublishMsg(s.ctx, &nats.Msg{Subject: msg.Subject, Data: msg.Data}) // the letter, as if it had stayed
	require.NoError(t, err)
	require.NoError(t, s.fleet.RemoveDead(s.ctx, letter.ID))
	require.Greater(t, stored(s, js), uint64(len(large)))
	_, err = s.fleet.DeadLetter(s.ctx, letter.ID)
	require.ErrorIs(t, err, fleet.ErrNoLetter)
}
