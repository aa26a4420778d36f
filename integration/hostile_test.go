package integration

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// What a stranger stores in a queue goes to the dead letters, once, and nobody
// else notices.
func TestHostileMessages(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.host(url, "host", 2)
	c, nc := s.client(url), s.observe(url)
	dead := s.listen(nc, broker.DeadWildcard(producer.DefaultQueue))
	js, err := jetstream.New(nc)
	require.NoError(t, err)

	good := codec.NewBatch("stranger", nil)
	good.Add(&codec.Task{Func: double.Name(), Arg: []byte{1}})
	later := append([]byte{}, good.Bytes()...)
	later[1] = codec.Version + 1
	outcomes := codec.NewOutcomes("stranger", nil)
	hostile := []*nats.Msg{
		{Data: []byte("garbage")},
		{Data: good.Bytes()[:good.Size()-2]},
		{Data: append(append([]byte{}, good.Bytes()...), 0)},
		{Data: later},
		{Data: outcomes.Bytes()},
		{Data: codec.NewBatch("stranger", nil).Bytes()},
		{Data: nil},
		{Header: nats.Header{"Status": {"409"}}}, // as the server's word on a pull
		{Header: nats.Header{"Status": {"100"}}},
	}
	before := submitDoubles(s, c, 100)
	for _, msg := range hostile {
		msg.Subject = broker.TaskSubject(producer.DefaultQueue, broker.Normal)
		_, err := js.PublishMsg(s.ctx, msg)
		require.NoError(t, err)
	}
	requireDoubled(s, before)
	requireDoubled(s, submitDoubles(s, c, 100))

	for range hostile {
		msg, err := dead.NextMsgWithContext(s.ctx)
		require.NoError(t, err)
		letter, err := codec.ReadDeadLetter(msg.Data)
		require.NoError(t, err)
		require.Contains(t, letter.Failure.Message, "codec:", "the cause")
	}
	// The last acknowledgements are on their way.
	require.Eventually(t, func() bool {
		tasks, err := js.Stream(s.ctx, broker.TaskStream(producer.DefaultQueue))
		return err == nil && tasks.CachedInfo().State.Msgs == 0
	}, cleanUpTimeout, 10*time.Millisecond, "messages are left in the queue")
	consumer, err := js.Consumer(s.ctx, broker.TaskStream(producer.DefaultQueue), broker.WorkersConsumer(broker.Normal))
	require.NoError(t, err)
	require.Zero(t, consumer.CachedInfo().NumRedelivered)
	require.Zero(t, consumer.CachedInfo().NumAckPending)
}

// What an idle host has pulled and cannot read is no reason to pull nothing else.
func TestHostPullsOnAfterMessagesThatAreNoBatches(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.host(url, "host", 1)
	c, nc := s.client(url), s.observe(url)
	dead := s.listen(nc, broker.DeadWildcard(producer.DefaultQueue))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	for began := time.Now(); time.Since(began) < time.Second; { // until nothing else keeps the host awake
		_, err := js.Publish(s.ctx, broker.TaskSubject(producer.DefaultQueue, broker.Normal), []byte("garbage"))
		require.NoError(t, err)
		_, err = dead.NextMsgWithContext(s.ctx)
		require.NoError(t, err)
	}
	requireDoubled(s, submitDoubles(s, c, 1))
}
