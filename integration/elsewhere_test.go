package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// rareHost puts a host on the stage that has a handler for rare, which the others
// do not have.
func (s *stage) rareHost(url string, processes int) *pool.Supervisor {
	s.t.Helper()
	return s.hostWith(pool.Config{URL: url, Host: "rare", Processes: processes, Env: []string{rareEnv + "=1"}})
}

func TestATaskGoesToAHostThatHasItsFunc(t *testing.T) {
	const others = 6
	s := newStage(t)
	url := s.broker()
	for i := range others {
		s.host(url, fmt.Sprint("other ", i), 2)
	}
	c := s.client(url)
	only := s.rareHost(url, 1)
	pid := only.PIDs()[0]
	for range 20 { // one by one
		f, err := producer.Submit(s.ctx, c, rare, 0)
		require.NoError(t, err)
		at, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, seen{PID: pid, Attempt: 1}, at)
	}
	// In batches, with others that go anywhere.
	var doubles []*producer.Future[int]
	var rares []*producer.Future[seen]
	for i := range 300 {
		d, err := producer.Submit(s.ctx, c, double, i)
		require.NoError(t, err)
		doubles = append(doubles, d)
		if i%3 == 0 {
			r, err := producer.Submit(s.ctx, c, rare, i)
			require.NoError(t, err)
			rares = append(rares, r)
		}
	}
	requireDoubled(s, doubles)
	for _, f := range rares {
		at, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, seen{PID: pid, Attempt: 1}, at)
	}
	require.Zero(t, len(only.Status().Deaths))
}

func TestATaskWaitsForABusyHostThatHasItsFunc(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c := s.client(url)
	only := s.rareHost(url, 1)
	g := newGate(t)
	busy := submitVisit(s, c, g, "busy")
	visitor := g.next(t, s.ctx)
	other := s.host(url, "other", 1)
	f, err := producer.Submit(s.ctx, c, rare, 0)
	require.NoError(t, err)
	// It comes to the other host again and again, which goes on with its own work. And
	// no delivery looks as if many workers had died of it.
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	stream, err := js.Stream(s.ctx, broker.TaskStream("default"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		msg, err := stream.GetLastMsgForSubject(s.ctx, broker.TaskSubject("default", broker.Normal))
		return err == nil && msg.Header.Get("Muster-Offers") != ""
	}, patience, 10*time.Millisecond)
	requireDoubled(s, submitDoubles(s, c, 10))
	require.NotEqual(t, producer.Finished, f.State())
	require.Equal(t, codec.HostServing, other.Status().State)
	visitor.letGo()
	at, err := f.Result(s.ctx)
	require.NoError(t, err)
	require.Equal(t, seen{PID: only.PIDs()[0], Attempt: 1}, at)
	require.NoError(t, busy.Err(s.ctx))
}

func TestAFuncThatNobodyHasFailsPromptly(t *testing.T) {
	for name, hosts := range map[string]int{"one host": 1, "several hosts": 3} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			url := s.broker()
			for i := range hosts {
				s.host(url, fmt.Sprint("host-", i), 1)
			}
			c := s.client(url)
			var futures []*producer.Future[seen]
			for i := range 50 { // funcs that nobody has: none costs a search of its own
				f, err := producer.Submit(s.ctx, c, codec.NewFunc[int, seen](fmt.Sprint("rare.", i)), 0)
				require.NoError(t, err)
				futures = append(futures, f)
			}
			for i, f := range futures {
				err := f.Err(s.ctx)
				require.ErrorIs(t, err, codec.ErrUnknownFunc)
				require.ErrorContains(t, err, fmt.Sprintf(`"rare.%d" has no handler on host host-`, i))
				require.NotContains(t, err.Error(), "consumer.")
			}
		})
	}
}

func TestATaskFailsWhenTheLastHostThatHasItsFuncIsGone(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c := s.client(url)
	only := s.rareHost(url, 1)
	g := newGate(t)
	submitVisit(s, c, g, "busy")
	g.next(t, s.ctx)
	s.host(url, "other", 1)
	f, err := producer.Submit(s.ctx, c, rare, 0)
	require.NoError(t, err)
	only.Kill()
	require.ErrorIs(t, f.Err(s.ctx), codec.ErrUnknownFunc)
}
