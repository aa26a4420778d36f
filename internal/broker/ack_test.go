package broker_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

const (
	ackV1 = "$JS.ACK.TASKS_q.workers_high.2.345.678.1700000000000000001.9"
	ackV2 = "$JS.ACK.hub.ACCHASH.TASKS_q.workers_high.2.345.678.1700000000000000001.9"
)

func TestParseAck(t *testing.T) {
	t.Parallel()
	want := broker.AckInfo{
		Stream: "TASKS_q", Consumer: "workers_high",
		Delivered: 2, StreamSeq: 345, ConsumerSeq: 678,
		Stored: time.Unix(0, 1700000000000000001), Pending: 9,
	}
	for _, subject := range []string{ackV1, ackV2, ackV2 + ".rAnDoM"} {
		have, err := broker.ParseAck(subject)
		require.NoError(t, err, subject)
		require.Equal(t, want, have, subject)
	}
}

func TestParseAckRefuses(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{
		"", "x", "$JS.ACK.", "$JS.ACK.a.b", ackV1 + ".10", // 10 tokens are neither form
		"$JS.FC.TASKS_q.workers_high.2.345.678.1.9",
		"$JS.ACK.TASKS_q.workers_high.2.-345.678.1.9",
		"$JS.ACK.TASKS_q.workers_high.2..678.1.9",
		"$JS.ACK..workers_high.2.3.678.1.9",
		"$JS.ACK.TASKS_q.workers_high.2.345.678.1.99999999999999999999999",
	} {
		_, err := broker.ParseAck(subject)
		require.ErrorIs(t, err, broker.ErrAckSubject, subject)
	}
}

func TestParseAckDoesNotAllocate(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = broker.ParseAck(ackV2) }))
}

func TestParseAckOfADelivery(t *testing.T) {
	t.Parallel()
	nc := connect(t, startServer(t, broker.ServerConfig{}).URL())
	js := jetStream(t, nc)
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{}))
	sent, err := js.Publish(t.Context(), broker.TaskSubject("q", broker.High), []byte("task"))
	require.NoError(t, err)

	consumer, err := js.Consumer(t.Context(), broker.TaskStream("q"), broker.WorkersConsumer(broker.High))
	require.NoError(t, err)
	msg, err := consumer.Next(jetstream.FetchMaxWait(5 * time.Second))
	require.NoError(t, err)
	info, err := broker.ParseAck(msg.Reply())
	require.NoError(t, err)
	require.Equal(t, broker.TaskStream("q"), info.Stream)
	require.Equal(t, broker.WorkersConsumer(broker.High), info.Consumer)
	require.Equal(t, sent.Sequence, info.StreamSeq)
	require.EqualValues(t, 1, info.Delivered)
	require.WithinDuration(t, time.Now(), info.Stored, time.Minute)
}

func FuzzParseAck(f *testing.F) {
	f.Add(ackV1)
	f.Add(ackV2 + ".x")
	f.Fuzz(func(t *testing.T, subject string) {
		info, err := broker.ParseAck(subject)
		if err == nil && (info.Stream == "" || info.Consumer == "") {
			t.Fatalf("%q: %+v", subject, info)
		}
	})
}
