package integration

import (
	"net/url"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/producer"
)

// connectivity tells when a client loses its connection.
func connectivity() (lost chan struct{}, option producer.Option) {
	lost = make(chan struct{}, 1)
	return lost, producer.WithNATS(nats.DisconnectErrHandler(func(*nats.Conn, error) {
		select {
		case lost <- struct{}{}:
		default:
		}
	}))
}

// restart starts a killed broker again, at the same address with the same store.
func restart(s *stage, address string) *program { return startFrom(s, address, "store") }

// startFrom is [restart] with a store of another name in the stage's directory.
func startFrom(s *stage, address, store string) *program {
	s.t.Helper()
	u, err := url.Parse(address)
	require.NoError(s.t, err)
	port, err := strconv.Atoi(u.Port())
	require.NoError(s.t, err)
	b := s.program("broker", params{Port: port, Store: filepath.Join(s.tmp, store)})
	require.Equal(s.t, address, b.line())
	return b
}

func await(s *stage, event <-chan struct{}, what string) {
	s.t.Helper()
	select {
	case <-event:
	case <-s.ctx.Done():
		require.FailNow(s.t, what)
	}
}

// Every task is in the broker's store when it dies, and some finish meanwhile.
func TestBrokerKilledWithTasksWaiting(t *testing.T) {
	s := newParallelStage(t)
	b, url := s.brokerProgram(-1)
	s.hostProgram(url, "host", 2)
	lost, option := connectivity()
	c, g := s.client(url, option), newGate(t)
	held := []*producer.Future[seen]{submitVisit(s, c, g, "a"), submitVisit(s, c, g, "b")}
	first, second := g.next(t, s.ctx), g.next(t, s.ctx)
	futures := submitDoubles(s, c, 2000)
	require.NoError(t, c.Flush(s.ctx))

	b.kill()
	await(s, lost, "the client does not notice")
	first.letGo()
	second.letGo()
	g.open() // they may come again
	late, err := producer.Submit(s.ctx, c, double, 2000)
	require.NoError(t, err)
	_, err = late.Result(ended())
	require.ErrorContains(t, err, "the broker cannot be reached")

	restart(s, url)
	requireDoubled(s, append(futures, late))
	for _, f := range held {
		require.NoError(t, f.Err(s.ctx))
	}
	require.Zero(t, c.Pending())
}

// Publishes, deliveries, outcomes and acknowledgements are all under way.
func TestBrokerKilledInFullFlow(t *testing.T) {
	s := newParallelStage(t)
	b, url := s.brokerProgram(-1)
	s.hostProgram(url, "host", 2)
	lost, option := connectivity()
	c := s.client(url, option)
	futures := submitDoubles(s, c, 2000)
	_, err := futures[100].Result(s.ctx)
	require.NoError(t, err)
	b.kill()
	await(s, lost, "the client does not notice")
	restart(s, url)
	requireDoubled(s, futures)
	require.Zero(t, c.Pending())
}

// The supervisor reads the task from the broker to charge it, and waits for the
// broker to come back if it must.
func TestDeathWhileTheBrokerIsAwayIsCharged(t *testing.T) {
	s := newParallelStage(t)
	b, url := s.brokerProgram(-1)
	s.hostProgram(url, "host", 2)
	c, g := s.client(url), newGate(t)
	f := submitVisit(s, c, g, "victim")
	first := g.next(t, s.ctx)
	b.kill()
	require.NoError(t, syscall.Kill(first.PID, syscall.SIGKILL))
	restart(s, url)

	again := g.next(t, s.ctx)
	if again.Attempt == 1 { // the lease has ended before
		held := again
		defer held.letGo()
		again = g.next(t, s.ctx)
	}
	require.Equal(t, 2, again.Attempt)
	again.letGo()
	require.NoError(t, f.Err(s.ctx))
}
