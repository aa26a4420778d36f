package handoff

import (
	"context"
	"log/slog"
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
)

const client = "k3xf9mq2l7zt4b6c"

type bundle struct {
	nc        *nats.Conn
	js        jetstream.JetStream
	publisher *broker.Publisher
	desk      *Desk
}

func setup(t *testing.T) *bundle { return setupWith(t, receiptTimeout) }

func setupWith(t *testing.T, timeout time.Duration) *bundle {
	t.Helper()
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	ctx := testContext(t)
	nc, err := broker.Connect(ctx, broker.Config{URL: server.URL()})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := broker.Check(ctx, nc)
	require.NoError(t, err)
	require.NoError(t, broker.EnsureShared(ctx, js, broker.StreamOptions{}))
	publisher, err := broker.NewPublisher(nc)
	require.NoError(t, err)
	t.Cleanup(publisher.Close)
	desk, err := open(nc, publisher, nil, slog.New(slog.DiscardHandler), timeout)
	require.NoError(t, err)
	t.Cleanup(desk.Close)
	return &bundle{nc, js, publisher, desk}
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func outcomes(numbers ...uint64) []byte {
	out := codec.NewOutcomes(client, nil)
	for _, n := range numbers {
		out.Add(&codec.Outcome{N: n, Value: []byte{byte(n)}})
	}
	return out.Bytes()
}

// send hands off and returns what it came to.
func (b *bundle) send(t *testing.T, data []byte) error {
	t.Helper()
	done := make(chan error, 2)
	b.desk.Send(client, data, func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-testContext(t).Done():
		t.Fatal("the hand-off never came to an end")
		return nil
	}
}

func (b *bundle) stored(t *testing.T) uint64 {
	t.Helper()
	stream, err := b.js.Stream(testContext(t), broker.ResultsStream)
	require.NoError(t, err)
	return stream.CachedInfo().State.Msgs
}

func TestReceiptSettlesWithoutStoring(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var taken atomic.Int64
	_, err := b.nc.Subscribe(broker.ReplyWildcard(client), func(msg *nats.Msg) {
		var o codec.Outcomes
		if o.Decode(msg.Data) == nil {
			taken.Add(int64(len(o.List)))
			_ = msg.Respond(codec.AppendReceipt(nil, len(o.List)))
		}
	})
	require.NoError(t, err)
	require.NoError(t, b.send(t, outcomes(1, 2, 3)))
	require.EqualValues(t, 3, taken.Load())
	require.Zero(t, b.stored(t))
}

func TestNobodyListensSoItIsStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	began := time.Now()
	require.NoError(t, b.send(t, outcomes(7, 8)))
	require.Less(t, time.Since(began), receiptTimeout, "no responders must not cost the receipt's patience")
	require.EqualValues(t, 2, b.stored(t))

	stream, err := b.js.Stream(testContext(t), broker.ResultsStream)
	require.NoError(t, err)
	msg, err := stream.GetLastMsgForSubject(testContext(t), broker.ResultSubject(client, 7))
	require.NoError(t, err)
	var o codec.Outcomes
	require.NoError(t, o.Decode(msg.Data))
	require.Len(t, o.List, 1)
	require.Equal(t, []byte{7}, o.List[0].Value)
}

func TestSilentClientSoItIsStoredAndPublishedLive(t *testing.T) {
	t.Parallel()
	b := setupWith(t, 50*time.Millisecond)
	live := make(chan *nats.Msg, 4)
	for _, subject := range []string{broker.ReplyWildcard(client), broker.LiveWildcard(client)} {
		_, err := b.nc.ChanSubscribe(subject, live)
		require.NoError(t, err)
	}
	require.NoError(t, b.send(t, outcomes(9)))
	require.EqualValues(t, 1, b.stored(t))
	require.Equal(t, broker.ReplySubject(client), (<-live).Subject)
	select {
	case msg := <-live:
		require.Equal(t, broker.LiveResultSubject(client, 9), msg.Subject)
	case <-testContext(t).Done():
		t.Fatal("what was stored was not published to the client")
	}
}

func TestFirstStoredOutcomeStands(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.send(t, outcomes(1)))
	second := codec.NewOutcomes(client, nil)
	second.Add(&codec.Outcome{N: 1, Value: []byte{99}})
	require.NoError(t, b.send(t, second.Bytes()), "the task has its outcome: that is as good")
	require.EqualValues(t, 1, b.stored(t))
	stream, err := b.js.Stream(testContext(t), broker.ResultsStream)
	require.NoError(t, err)
	msg, err := stream.GetLastMsgForSubject(testContext(t), broker.ResultSubject(client, 1))
	require.NoError(t, err)
	var o codec.Outcomes
	require.NoError(t, o.Decode(msg.Data))
	require.Equal(t, []byte{1}, o.List[0].Value)
}

func TestBadReceiptIsNoReceipt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.nc.Subscribe(broker.ReplySubject(client), func(msg *nats.Msg) {
		_ = msg.Respond([]byte("thanks"))
	})
	require.NoError(t, err)
	require.NoError(t, b.send(t, outcomes(5)))
	require.EqualValues(t, 1, b.stored(t))
}

func TestCloseFailsWhatWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	heard := make(chan *nats.Msg, 1)
	_, err := b.nc.ChanSubscribe(broker.ReplySubject(client), heard)
	require.NoError(t, err)
	done := make(chan error, 2)
	b.desk.Send(client, outcomes(1), func(err error) { done <- err })
	<-heard
	b.desk.Close()
	require.ErrorIs(t, <-done, ErrClosed)
	require.ErrorIs(t, b.send(t, outcomes(2)), ErrClosed)
	b.desk.Close()
}

func TestBrokerGoneMeanwhile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: dir})
	require.NoError(t, err)
	ctx := testContext(t)
	nc, err := broker.Connect(ctx, broker.Config{URL: server.URL()})
	require.NoError(t, err)
	defer nc.Close()
	js, err := broker.Check(ctx, nc)
	require.NoError(t, err)
	require.NoError(t, broker.EnsureShared(ctx, js, broker.StreamOptions{}))
	publisher, err := broker.NewPublisher(nc)
	require.NoError(t, err)
	defer publisher.Close()
	desk, err := New(nc, publisher, nil, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer desk.Close()
	b := &bundle{nc, js, publisher, desk}

	port := serverPort(t, server)
	server.Shutdown()
	done := make(chan error, 1)
	desk.Send(client, outcomes(3), func(err error) { done <- err })
	again, err := broker.StartServer(broker.ServerConfig{Port: port, StoreDir: dir})
	require.NoError(t, err)
	defer again.Shutdown()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-ctx.Done():
		t.Fatal("the hand-off did not survive the broker's restart")
	}
	require.EqualValues(t, 1, b.stored(t))
}

func serverPort(t *testing.T, server *broker.Server) int {
	t.Helper()
	u, err := url.Parse(server.URL())
	require.NoError(t, err)
	port, err := strconv.Atoi(u.Port())
	require.NoError(t, err)
	return port
}
