package pool

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

func TestAnotherMessageIsPulledInPlaceOfOneThatIsNoBatch(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	b.mate()
	p := b.pullers[broker.Normal]
	require.NoError(t, p.open())
	b.do(func(*turn) {})
	require.Equal(t, 1, p.asked)
	p.take(&nats.Msg{
		Subject: "muster.task.queue.normal", Reply: "$JS.ACK.TASKS_queue.workers_normal.1.5.5.1700000000000000000.0",
		Data: []byte("garbage"),
	})
	require.Equal(t, 1, p.asked, "nobody would be told of the next task")
}
