package integration

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

func init() {
	roles["durable client"] = func(p params) { // submits durable tasks, and prints its id
		ctx := context.Background()
		c, err := producer.Connect(ctx, p.URL)
		must(err)
		for i := range p.Tasks {
			_, err := producer.Submit(ctx, c, double, i, producer.Retain(time.Hour))
			must(err)
		}
		must(c.Flush(ctx))
		fmt.Println(c.ID())
		awaitTERM()
	}
}

// attachAll attaches to the first n tasks of a client, from many goroutines.
func attachAll(s *stage, c *producer.Client, owner string, n int) []*producer.Future[int] {
	s.t.Helper()
	futures, errs := make([]*producer.Future[int], n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			futures[i], errs[i] = producer.Attach(s.ctx, c, double, codec.ID{Client: owner, N: uint64(i)})
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(s.t, err)
	}
	return futures
}

// A client dies with a thousand durable futures; others attach to them by their
// ids, before the tasks have run and after.
func TestDurableFuturesOutliveTheirClient(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	const n = 1000
	doomed := s.program("durable client", params{URL: url, Tasks: n})
	owner := doomed.line()
	doomed.kill()
	early := attachAll(s, s.client(url), owner, n)
	require.Equal(t, producer.Pending, early[0].State())
	s.host(url, "host", 2)
	requireDoubled(s, early)
	late := attachAll(s, s.client(url), owner, n)
	for _, f := range late {
		require.Equal(t, producer.Finished, f.State())
	}
	requireDoubled(s, late)
}

// The broker is killed while others wait for a dead client's tasks.
func TestAttachedFuturesOutliveTheBroker(t *testing.T) {
	s := newParallelStage(t)
	b, url := s.brokerProgram(-1)
	doomed := s.program("durable client", params{URL: url, Tasks: 100})
	owner := doomed.line()
	doomed.kill()
	c := s.client(url)
	futures := attachAll(s, c, owner, 100)
	b.kill()
	address := strings.TrimPrefix(url, "nats://")
	var port int
	_, err := fmt.Sscanf(address[strings.LastIndexByte(address, ':')+1:], "%d", &port)
	require.NoError(t, err)
	s.brokerProgram(port)
	s.hostProgram(url, "host", 1)
	requireDoubled(s, futures)
}

// A large result can be had by everybody, and a large argument stays for its task
// when the client has left.
func TestDurableLargeValues(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c, other, g := s.client(url), s.client(url), newGate(t)
	result, err := producer.Submit(s.ctx, c, misbehave, "large", producer.Retain(time.Hour))
	require.NoError(t, err)
	name := strings.Repeat("x", 2<<20)
	argument, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: name}, producer.Retain(time.Hour))
	require.NoError(t, err)
	require.NoError(t, c.Flush(s.ctx))
	require.Error(t, c.Close(ended()))

	s.host(url, "host", 1)
	for range 2 {
		f, err := producer.Attach(s.ctx, other, misbehave, result.ID())
		require.NoError(t, err)
		value, err := f.Result(s.ctx)
		require.NoError(t, err)
		require.Len(t, value, 2<<20)
	}
	f, err := producer.Attach(s.ctx, other, attend, argument.ID())
	require.NoError(t, err)
	v := g.next(t, s.ctx)
	require.Len(t, v.Name, len(name))
	v.letGo()
	require.NoError(t, f.Err(s.ctx))
}

// Any client that knows the id cancels a task that waits, and kills one that runs.
func TestCancelFromElsewhere(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c, other, g := s.client(url), s.client(url), newGate(t)
	for name, options := range map[string][]producer.CallOption{"plain": nil, "durable": {producer.Retain(time.Hour)}} {
		waiting, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: name}, options...)
		require.NoError(t, err)
		require.NoError(t, c.Flush(s.ctx))
		require.NoError(t, other.Cancel(s.ctx, waiting.ID()))
		h := s.host(url, name, 1)
		require.ErrorIs(t, waiting.Err(s.ctx), codec.ErrCancelled)

		running, err := producer.Submit(s.ctx, c, attend, call{Gate: g.address, Name: name}, options...)
		require.NoError(t, err)
		require.Equal(t, name, g.next(t, s.ctx).Name)
		require.NoError(t, other.Kill(s.ctx, running.ID()))
		require.ErrorIs(t, running.Err(s.ctx), codec.ErrCancelled)
		h.Kill()
	}
}

// Each time of a schedule is a task of its own, whose outcome is stored.
func TestSchedule(t *testing.T) {
	s := newStage(t)
	url := s.broker()
	c, g := s.client(url), newGate(t)
	live := s.listen(s.observe(url), broker.LiveWildcard("*"))
	s.host(url, "host", 2)
	require.NoError(t, producer.Schedule(s.ctx, c, "tick", "@every 1s", attend, call{Gate: g.address, Name: "tick"}))
	first, second := g.next(t, s.ctx), g.next(t, s.ctx)
	require.NoError(t, producer.Unschedule(s.ctx, c, "tick"))
	first.letGo()
	second.letGo()
	g.open()
	s.awaitStored(live, 2)
}
