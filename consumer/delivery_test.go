package consumer

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
)

// answered gives a delivery of two tasks, and what it is answered.
func answered(t *testing.T) (*delivery, *nats.Subscription) {
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	nc, err := nats.Connect(server.URL())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	answers, err := nc.SubscribeSync("ack")
	require.NoError(t, err)
	d := newDelivery(2)
	d.worker, d.ack = &Worker{Config: Config{Conn: nc, Logger: slog.New(slog.DiscardHandler)}}, "ack"
	return d, answers
}

func requireAnswer(t *testing.T, answers *nats.Subscription, want ...string) {
	t.Helper()
	for _, text := range want {
		msg, err := answers.NextMsgWithContext(t.Context())
		require.NoError(t, err)
		require.Equal(t, text, string(msg.Data))
	}
	_, err := answers.NextMsg(0)
	require.ErrorIs(t, err, nats.ErrTimeout)
}

// Its place on the scoreboard is the executor's until that has left.
func TestFailedDeliveryIsGivenBackOnceTheExecutorHasLeft(t *testing.T) {
	t.Parallel()
	d, answers := answered(t)
	require.True(t, d.beginNext())
	d.next++
	first := d.sent(1)
	require.True(t, d.beginNext())
	first.arrived(errors.New("stream full"))
	requireAnswer(t, answers)
	d.next++
	second := d.sent(1)
	require.False(t, d.beginNext())
	second.arrived(errors.New("stream full"))
	require.NoError(t, d.worker.Conn.Flush())
	requireAnswer(t, answers, ackLater)
}

func TestFailedDeliveryBeginsNoOtherTask(t *testing.T) {
	t.Parallel()
	d, answers := answered(t)
	require.True(t, d.beginNext())
	d.next++
	first := d.sent(1)
	first.arrived(errors.New("stream full"))
	require.False(t, d.beginNext())
	require.NoError(t, d.worker.Conn.Flush())
	requireAnswer(t, answers, ackLater)
}

func TestDeliveryFailsAfterTheExecutorHasLeft(t *testing.T) {
	t.Parallel()
	d, answers := answered(t)
	for range 2 {
		require.True(t, d.beginNext())
		d.next++
	}
	both := d.sent(2)
	require.False(t, d.beginNext())
	both.arrived(errors.New("stream full"))
	require.NoError(t, d.worker.Conn.Flush())
	requireAnswer(t, answers, ackLater)
}

// Nobody but the supervisor answers for a process that ends.
func TestDeliveryOfAnEndingProcessIsNotAnswered(t *testing.T) {
	t.Parallel()
	for _, closed := range []error{handoff.ErrClosed, broker.ErrClosed} {
		d, answers := answered(t)
		require.True(t, d.beginNext())
		d.next++
		d.sent(1).arrived(closed)
		require.NoError(t, d.worker.Conn.Flush())
		requireAnswer(t, answers)
	}
}
