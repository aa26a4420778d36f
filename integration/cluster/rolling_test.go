package cluster

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// Every node is stopped in good order and started again, as an upgrade does it, each
// when the one before has all there is. Work goes on, and nothing is lost.
func TestNodesRestartedOneByOne(t *testing.T) {
	f := newFleet(t)
	f.host("one", 2)
	c := f.client(f.url())
	for _, n := range f.nodes {
		tasks, submitted := f.submit(c, 3000)
		tasks.await(500)
		stopped := time.Now()
		n.terminate(t)
		tasks.await(2500)
		t.Logf("at most %v without an outcome after %s was stopped", tasks.stall(stopped), n.name)
		f.startNode(n)
		submitted()
		tasks.requireDoubled()
		for _, stream := range []string{broker.TaskStream(producer.DefaultQueue), broker.ScheduleStream, broker.ResultsStream} {
			f.awaitCurrent(stream)
		}
	}
	require.Zero(t, c.Pending())
}

// terminate ends the program by SIGTERM, and waits until it has ended.
func (p *program) terminate(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.exited:
	case <-time.After(patience):
		require.FailNow(t, "it does not end")
	}
}
