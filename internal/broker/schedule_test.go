package broker_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

// pull takes the next task of a lane.
func pull(t testing.TB, js jetstream.JetStream, queue string, lane broker.Lane) jetstream.Msg {
	t.Helper()
	consumer, err := js.Consumer(t.Context(), broker.TaskStream(queue), broker.WorkersConsumer(lane))
	require.NoError(t, err)
	msg, err := consumer.Next(jetstream.FetchMaxWait(30 * time.Second))
	require.NoError(t, err)
	return msg
}

func TestScheduleReachesItsLane(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	p := newPublisher(t, nc, broker.NewPublisher)
	for i, lane := range broker.Lanes {
		at := time.Now().Add(time.Duration(i-1) * 400 * time.Millisecond) // the first has passed
		msg := &nats.Msg{
			Subject: broker.SchedSubject("q", lane, "c", uint64(i)),
			Header:  nats.Header{jetstream.MsgIDHeader: {strconv.Itoa(i)}, "Own": {"header"}},
			Data:    []byte(lane.String()),
		}
		broker.ScheduleAt(msg, "q", lane, at)
		_, err := publish(t, p, msg)
		require.NoError(t, err)

		fired := pull(t, js, "q", lane)
		require.False(t, time.Now().Before(at))
		require.NoError(t, fired.DoubleAck(t.Context()))
		require.Equal(t, lane.String(), string(fired.Data()))
		require.Equal(t, broker.TaskSubject("q", lane), fired.Subject())
		require.Equal(t, broker.SchedSubject("q", lane, "c", uint64(i)), fired.Headers().Get(jetstream.SchedulerHeader))
		require.Equal(t, "header", fired.Headers().Get("Own"))
		require.Equal(t, "purge", fired.Headers().Get("Nats-Schedule-Next"))
		require.Empty(t, fired.Headers().Get(jetstream.MsgIDHeader))
	}
	require.Eventually(t, func() bool { return streamMsgs(t, js, broker.ScheduleStream) == 0 }, 10*time.Second, 10*time.Millisecond)
}
