package pool

import (
	"os"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/link"
)

func TestAnotherMessageIsPulledInPlaceOfOneThatIsNoBatch(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	b.mate()
	p := b.lanes[broker.Normal].puller
	require.NoError(t, p.open())
	b.do(func(*turn) {})
	require.Equal(t, 1, p.asked)
	p.take(&nats.Msg{
		Subject: "muster.task.queue.normal", Reply: "$JS.ACK.TASKS_queue.workers_normal.1.5.5.1700000000000000000.0",
		Data: []byte("garbage"),
	})
	require.Equal(t, 1, p.asked, "nobody would be told of the next task")
}

// A process could send files until its supervisor has no descriptor left.
func TestAFileThatAProcessSendsIsClosed(t *testing.T) {
	t.Parallel()
	b := newBench(t, Config{})
	m := b.mate()
	s := &Supervisor{scheduler: b.scheduler}
	for _, kind := range []link.Kind{link.KindReport, link.KindOutcomes, link.KindFetch, link.KindStore, link.KindRun, 99} {
		f, err := os.Open(os.DevNull)
		require.NoError(t, err)
		payload := link.AppendValue(nil, &link.Value{Run: 77})
		require.Error(t, s.receive(m.process, link.Frame{Kind: kind, Payload: payload, File: f}))
		require.ErrorIs(t, f.Close(), os.ErrClosed, "kind %d", kind)
	}
}
