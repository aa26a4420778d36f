package integration

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// observe connects to the broker beside the fleet.
func (s *stage) observe(url string) *nats.Conn {
	s.t.Helper()
	nc, err := nats.Connect(url)
	require.NoError(s.t, err)
	s.t.Cleanup(nc.Close)
	return nc
}

// listen subscribes to a subject, and returns when the broker knows.
func (s *stage) listen(nc *nats.Conn, subject string) *nats.Subscription {
	s.t.Helper()
	sub, err := nc.SubscribeSync(subject)
	require.NoError(s.t, err)
	require.NoError(s.t, nc.FlushWithContext(s.ctx))
	return sub
}

// awaitStored waits until outcomes of n tasks have been sent to be stored.
func (s *stage) awaitStored(results *nats.Subscription, n int) {
	s.t.Helper()
	for subjects := map[string]bool{}; len(subjects) < n; {
		msg, err := results.NextMsgWithContext(s.ctx)
		require.NoError(s.t, err)
		subjects[msg.Subject] = true
	}
}

func TestClientKilled(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.host(url, "host", 2)
	results := s.listen(s.observe(url), broker.ResultWildcard("*"))
	g := newGate(t)
	doomed := s.program("client", params{URL: url, Gate: g.address, Tasks: 6})
	require.Equal(t, "submitted", doomed.line())
	a, b := g.next(t, s.ctx), g.next(t, s.ctx)
	doomed.kill()
	a.letGo()
	b.letGo()
	g.open()

	soon, cancel := context.WithTimeout(s.ctx, promptly)
	defer cancel()
	for _, f := range submitDoubles(s, s.client(url), 100) {
		require.NoError(t, f.Err(soon))
	}
	s.awaitStored(results, 6)
}

func TestClientCutOff(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.host(url, "host", 2)
	line := newProxy(t, url)
	lost, option := connectivity()
	c, g := s.client(line.url, option), newGate(t)
	results := s.listen(s.observe(url), broker.ResultWildcard(c.ID()))
	held := []*producer.Future[seen]{submitVisit(s, c, g, "a"), submitVisit(s, c, g, "b")}
	first, second := g.next(t, s.ctx), g.next(t, s.ctx)
	futures := submitDoubles(s, c, 100)
	require.NoError(t, c.Flush(s.ctx))

	line.cut()
	await(s, lost, "the client does not notice")
	first.letGo()
	second.letGo()
	s.awaitStored(results, len(held)+len(futures))
	require.Equal(t, len(held)+len(futures), c.Pending())

	line.mend()
	requireDoubled(s, futures)
	for _, f := range held {
		result, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, 1, result.Attempt)
	}
	require.Zero(t, c.Pending())
}

// The first outcome stands, whoever sends another.
func TestDuplicateReplies(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	s.host(url, "host", 1)
	c, g := s.client(url), newGate(t)
	nc := s.observe(url)
	reply := func(f *producer.Future[seen], attempt int) {
		value, err := codec.AppendValue(nil, seen{Attempt: attempt})
		require.NoError(t, err)
		out := codec.NewOutcomes(c.ID(), nil)
		out.Add(&codec.Outcome{N: f.ID().N, Value: value})
		receipt, err := nc.RequestWithContext(s.ctx, broker.ReplySubject(c.ID()), out.Bytes())
		require.NoError(t, err)
		n, err := codec.ReadReceipt(receipt.Data)
		require.NoError(t, err)
		require.Equal(t, 1, n, "a duplicate needs a receipt, too")
	}
	requireAttempt := func(f *producer.Future[seen], attempt int) {
		result, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Equal(t, attempt, result.Attempt)
		require.Zero(t, c.Pending())
	}

	f := submitVisit(s, c, g, "worker first")
	g.next(t, s.ctx).letGo()
	requireAttempt(f, 1)
	reply(f, 99)
	requireAttempt(f, 1)

	f = submitVisit(s, c, g, "stranger first")
	running := g.next(t, s.ctx)
	reply(f, 98)
	reply(f, 99)
	requireAttempt(f, 98)
	running.letGo()
	requireDoubled(s, submitDoubles(s, c, 1)) // behind it in the one process
	requireAttempt(f, 98)
}
