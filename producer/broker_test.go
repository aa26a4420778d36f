package producer_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// serve starts a broker, and returns a client of it and a connection to play
// worker with.
func serve(t *testing.T) (*producer.Client, *nats.Conn) {
	t.Helper()
	s, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(s.Shutdown)
	nc, err := broker.Connect(t.Context(), broker.Config{URL: s.URL()})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	c, err := producer.Connect(t.Context(), s.URL())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(ended) })
	return c, nc
}

func message(id codec.ID, value int) []byte {
	o := valued(value)
	o.N = id.N
	m := codec.NewOutcomes(id.Client, nil)
	m.Add(&o)
	return m.Bytes()
}

// A task is stored under an id; its outcome is answered with a receipt, and the
// receipt of the last one still leaves when the client closes.
func TestBroker(t *testing.T) {
	t.Parallel()
	c, nc := serve(t)
	f := submit(t, c, 21)
	require.NoError(t, c.Flush(t.Context()))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), broker.TaskStream(producer.DefaultQueue))
	require.NoError(t, err)
	stored, err := stream.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	require.NotEmpty(t, stored.Header.Get(nats.MsgIdHdr))
	var batch codec.Batch
	require.NoError(t, batch.Decode(stored.Data))
	require.Equal(t, f.ID(), codec.ID{Client: batch.Client, N: batch.Tasks[0].N})

	require.NoError(t, nc.Publish(broker.StartedSubject(c.ID()), codec.AppendStarted(nil, &codec.Started{N: f.ID().N})))
	require.Eventually(t, func() bool { return f.State() == producer.Running }, 10*time.Second, time.Millisecond)

	closed := make(chan error)
	go func() { closed <- c.Close(context.Background()) }()
	receipt, err := nc.Request(broker.ReplySubject(c.ID()), message(f.ID(), 42), 10*time.Second)
	require.NoError(t, err)
	taken, err := codec.ReadReceipt(receipt.Data)
	require.NoError(t, err)
	require.Equal(t, 1, taken)
	require.NoError(t, <-closed)
	n, err := f.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, 42, n)
	_, err = nc.Request(broker.ReplySubject(c.ID()), message(f.ID(), 42), time.Second)
	require.ErrorIs(t, err, nats.ErrNoResponders, "the client is gone")
}

// An outcome that was stored instead of handed off arrives too, and what does
// not read harms nobody.
func TestBrokerStoredOutcome(t *testing.T) {
	t.Parallel()
	c, nc := serve(t)
	f := submit(t, c, 21)
	require.NoError(t, nc.Publish(broker.ReplySubject(c.ID()), []byte("nonsense")))
	require.NoError(t, nc.Publish(broker.StartedSubject(c.ID()), []byte("nonsense")))
	require.NoError(t, nc.Publish(broker.ReplySubject(c.ID()), message(codec.ID{Client: codec.NewClientID(), N: f.ID().N}, 1)))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), broker.ResultSubject(c.ID(), f.ID().N), message(f.ID(), 42))
	require.NoError(t, err)
	n, err := f.Result(t.Context())
	require.NoError(t, err)
	require.Equal(t, 42, n)
}

// A cancel request reaches the queue's hosts.
func TestBrokerCancel(t *testing.T) {
	t.Parallel()
	c, nc := serve(t)
	sub, err := nc.SubscribeSync(broker.CancelSubject(producer.DefaultQueue))
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	f := submit(t, c, 21)
	require.True(t, cancels(t, f.Kill))
	msg, err := sub.NextMsg(10 * time.Second)
	require.NoError(t, err)
	ids, running, err := codec.ReadCancel(msg.Data)
	require.NoError(t, err)
	require.True(t, running)
	require.Equal(t, []codec.ID{f.ID()}, ids)
}

func TestConnectFails(t *testing.T) {
	t.Parallel()
	_, err := producer.Connect(t.Context(), "nats://127.0.0.1:1")
	require.ErrorIs(t, err, broker.ErrUnreachable)
}

// gate is a way to the broker that can be shut.
type gate struct {
	shut atomic.Bool
	last atomic.Value // net.Conn
}

func (g *gate) Dial(network, address string) (net.Conn, error) {
	if g.shut.Load() {
		return nil, errors.New("shut")
	}
	conn, err := net.Dial(network, address)
	if err == nil {
		g.last.Store(conn)
	}
	return conn, err
}

// without cuts the connection while do is done.
func (g *gate) without(t *testing.T, do func()) {
	g.shut.Store(true)
	require.NoError(t, g.last.Load().(net.Conn).Close())
	do()
	g.shut.Store(false)
}

// through returns the options of a client that connects through a gate.
func (g *gate) through() producer.Option {
	return producer.WithNATS(nats.SetCustomDialer(g), nats.CustomReconnectDelay(func(int) time.Duration { return time.Millisecond }))
}

// What was stored while a client was away is fetched when it is back.
func TestBrokerMissedOutcomes(t *testing.T) {
	t.Parallel()
	store := t.TempDir()
	s, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: store})
	require.NoError(t, err)
	address, err := url.Parse(s.URL())
	require.NoError(t, err)
	port, err := strconv.Atoi(address.Port())
	require.NoError(t, err)

	dialer := &gate{} // shut until the outcomes are stored
	c, err := producer.Connect(t.Context(), s.URL(), dialer.through())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(ended) })
	fs := submitN(t, c, 3)
	require.NoError(t, c.Flush(t.Context()))
	dialer.shut.Store(true)
	s.Shutdown()
	s, err = broker.StartServer(broker.ServerConfig{Port: port, StoreDir: store})
	require.NoError(t, err)
	t.Cleanup(s.Shutdown)
	nc, err := broker.Connect(t.Context(), broker.Config{URL: s.URL()})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	for i, f := range fs {
		_, err = js.Publish(t.Context(), broker.ResultSubject(c.ID(), f.ID().N), message(f.ID(), i))
		require.NoError(t, err)
	}
	require.Equal(t, 3, c.Pending())
	dialer.shut.Store(false)
	for i, f := range fs {
		n, err := f.Result(t.Context())
		require.NoError(t, err)
		require.Equal(t, i, n)
	}
}
