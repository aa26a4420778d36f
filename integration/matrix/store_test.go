package matrix

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// store is what the broker keeps, as a test sees it.
type store struct {
	t  *testing.T
	js jetstream.JetStream
}

func openStore(t *testing.T, url string) *store {
	t.Helper()
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return &store{t, js}
}

// requireEmptyQueue waits until nothing is left to run, nor to run again.
func (s *store) requireEmptyQueue(ctx context.Context, queue string) {
	s.t.Helper()
	stream, err := s.js.Stream(ctx, broker.TaskStream(queue))
	require.NoError(s.t, err)
	require.Eventually(s.t, func() bool {
		info, err := stream.Info(ctx)
		return err == nil && info.State.Msgs == 0
	}, patience, 20*time.Millisecond, "a message is left in the queue")
}

// messages counts what a queue holds.
func (s *store) messages(ctx context.Context, queue string) uint64 {
	s.t.Helper()
	stream, err := s.js.Stream(ctx, broker.TaskStream(queue))
	require.NoError(s.t, err)
	return stream.CachedInfo().State.Msgs
}

// deadLetters returns why tasks of a queue were given up.
func (s *store) deadLetters(ctx context.Context, queue string) map[codec.ID]*codec.Failure {
	s.t.Helper()
	stream, err := s.js.Stream(ctx, broker.DeadStream)
	require.NoError(s.t, err)
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(broker.DeadWildcard(queue)))
	require.NoError(s.t, err)
	why := map[codec.ID]*codec.Failure{}
	for subject, letters := range info.State.Subjects {
		require.EqualValues(s.t, 1, letters, subject)
		msg, err := stream.GetLastMsgForSubject(ctx, subject)
		require.NoError(s.t, err)
		letter, err := codec.ReadDeadLetter(msg.Data)
		require.NoError(s.t, err)
		id, _, err := letter.Task()
		require.NoError(s.t, err)
		why[id] = letter.Failure
	}
	return why
}
