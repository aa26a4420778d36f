package broker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

func TestQueues(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "empty", broker.StreamOptions{}))
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHERS", Subjects: []string{"others"}})
	require.NoError(t, err)
	_, err = broker.PublishUnique(t.Context(), nc, "q", "k", broker.KeyHolder{ID: "c-1"}, task(1))
	require.NoError(t, err)
	p := newPublisher(t, nc, broker.NewPublisher)
	for n := range 3 {
		_, err := publish(t, p, task(n+2))
		require.NoError(t, err)
	}
	first := pull(t, js, "q", broker.Normal)
	metadata, err := first.Metadata()
	require.NoError(t, err)

	queues, err := broker.Queues(t.Context(), js)
	require.NoError(t, err)
	require.Len(t, queues, 2)
	require.Equal(t, broker.QueueInfo{Name: "empty"}, queues[0])
	require.NotZero(t, queues[1].Bytes)
	require.True(t, metadata.Timestamp.Equal(queues[1].Oldest))
	normal := queues[1].Lanes[broker.Normal]
	require.Equal(t, metadata.Sequence.Stream, normal.Delivered)
	normal.Delivered = 0
	require.Equal(t, broker.LaneInfo{Pending: 3, InFlight: 1}, normal)
	require.Zero(t, queues[1].Lanes[broker.Low].Pending)

	one, err := broker.Queue(t.Context(), js, "q")
	require.NoError(t, err)
	require.Equal(t, queues[1], one)
	_, err = broker.Queue(t.Context(), js, "none")
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
}

func TestPause(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	for range 2 {
		require.NoError(t, broker.Pause(t.Context(), js, "q"))
	}
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{}))
	queues, err := broker.Queues(t.Context(), js)
	require.NoError(t, err)
	for _, lane := range broker.Lanes {
		require.True(t, queues[0].Lanes[lane].Paused)
	}

	p := newPublisher(t, nc, broker.NewPublisher)
	_, err = publish(t, p, task(1))
	require.NoError(t, err)
	consumer, err := js.Consumer(t.Context(), broker.TaskStream("q"), broker.WorkersConsumer(broker.Normal))
	require.NoError(t, err)
	_, err = consumer.Next(jetstream.FetchMaxWait(100 * time.Millisecond))
	require.ErrorIs(t, err, nats.ErrTimeout)
	for range 2 {
		require.NoError(t, broker.Resume(t.Context(), js, "q"))
	}
	require.Equal(t, "1", string(pull(t, js, "q", broker.Normal).Data()))
	require.ErrorIs(t, broker.Pause(t.Context(), js, "none"), jetstream.ErrStreamNotFound)
}

func TestWalkAndRemove(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	_, err := broker.PublishUnique(t.Context(), nc, "q", "k", broker.KeyHolder{ID: "c-1"}, task(0))
	require.NoError(t, err)
	p := newPublisher(t, nc, broker.NewPublisher)
	for n := range 3 {
		_, err := publish(t, p, task(n+1))
		require.NoError(t, err)
	}
	pull(t, js, "q", broker.Normal) // delivered and not acknowledged

	var walked []string
	err = broker.Walk(t.Context(), js, "q", func(seq uint64, subject string, data []byte) error {
		require.Equal(t, broker.TaskSubject("q", broker.Normal), subject)
		walked = append(walked, string(data))
		_, err := publish(t, p, task(100+len(walked))) // what comes later is not walked
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, broker.Remove(t.Context(), js, "q", seq))
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"0", "1", "2", "3"}, walked)
	require.EqualValues(t, 5, streamMsgs(t, js, broker.TaskStream("q"))) // with the key

	enough := errors.New("enough")
	calls := 0
	err = broker.Walk(t.Context(), js, "q", func(uint64, string, []byte) error {
		calls++
		return enough
	})
	require.ErrorIs(t, err, enough)
	require.Equal(t, 1, calls)
	require.NoError(t, broker.Walk(t.Context(), js, "q", func(seq uint64, _ string, _ []byte) error {
		return broker.Remove(t.Context(), js, "q", seq)
	}))
	require.NoError(t, broker.Walk(t.Context(), js, "q", func(uint64, string, []byte) error { return enough }))
	require.ErrorIs(t, broker.Remove(t.Context(), js, "none", 1), jetstream.ErrStreamNotFound)
}

// A pull that has waited over a pause is served when the pause is ended, and what
// tells the server so takes nothing itself.
func TestResumeServesPullsThatWait(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	require.NoError(t, broker.Pause(t.Context(), js, "q"))
	p := newPublisher(t, nc, broker.NewPublisher)
	_, err := publish(t, p, task(1))
	require.NoError(t, err)
	inbox := nc.NewInbox()
	deliveries, err := nc.SubscribeSync(inbox)
	require.NoError(t, err)
	next := "$JS.API.CONSUMER.MSG.NEXT." + broker.TaskStream("q") + "." + broker.WorkersConsumer(broker.Normal)
	require.NoError(t, nc.PublishRequest(next, inbox, []byte(`{"batch":1,"expires":60000000000}`)))
	require.NoError(t, nc.Flush())
	require.NoError(t, broker.Resume(t.Context(), js, "q"))
	msg, err := deliveries.NextMsg(30 * time.Second)
	require.NoError(t, err)
	require.Equal(t, "1", string(msg.Data))
	ack, err := broker.ParseAck(msg.Reply)
	require.NoError(t, err)
	require.EqualValues(t, 1, ack.Delivered)
	q, err := broker.Queue(t.Context(), js, "q")
	require.NoError(t, err)
	require.Equal(t, 1, q.Lanes[broker.Normal].InFlight)
}
