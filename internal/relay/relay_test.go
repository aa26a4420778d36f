package relay_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/broker/brokertest"
	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/internal/relay"
)

const timeout = 30 * time.Second

// host has a broker, and a connection to it over which it relays for processes.
type host struct {
	t      *testing.T
	cfg    broker.ServerConfig
	server *broker.Server
	nc     *nats.Conn

	mu     sync.Mutex
	relays []*relay.Conn
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{t: t, cfg: broker.ServerConfig{Port: brokertest.FreePorts(t, 1)[0], StoreDir: t.TempDir()}}
	h.serve()
	h.nc = h.connect()
	return h
}

func (h *host) serve() {
	h.t.Helper()
	server, err := broker.StartServer(h.cfg)
	require.NoError(h.t, err)
	h.server = server
	h.t.Cleanup(server.Shutdown)
}

// connect connects to the broker itself.
func (h *host) connect() *nats.Conn {
	h.t.Helper()
	nc, err := broker.Connect(h.t.Context(), broker.Config{URL: h.server.URL()})
	require.NoError(h.t, err)
	h.t.Cleanup(nc.Close)
	return nc
}

// open starts a relay, and returns the process's end.
func (h *host) open() (net.Conn, error) {
	ours, theirs, err := proc.SocketPair()
	if err != nil {
		return nil, err
	}
	may := func(subject string) bool { return !strings.HasPrefix(subject, "secret") }
	c, err := relay.Serve(relay.Config{Broker: h.nc, Logger: slog.New(slog.DiscardHandler), MayPublish: may, MaySubscribe: may}, ours)
	if err != nil {
		return nil, errors.Join(err, theirs.Close())
	}
	h.mu.Lock()
	h.relays = append(h.relays, c)
	h.mu.Unlock()
	return proc.FileConn(theirs)
}

// Dial is that of a nats.CustomDialer.
func (h *host) Dial(string, string) (net.Conn, error) { return h.open() }

// process connects as the client of a process does.
func (h *host) process(options ...nats.Option) *nats.Conn {
	h.t.Helper()
	nc, err := nats.Connect("nats://supervisor", append([]nats.Option{
		nats.SetCustomDialer(h), nats.SkipHostLookup(), nats.MaxReconnects(-1), nats.ReconnectWait(10 * time.Millisecond),
		nats.ReconnectJitter(0, 0), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, options...)...)
	require.NoError(h.t, err)
	h.t.Cleanup(nc.Close)
	return nc
}

// raw opens a relay, and reads what it says first.
func (h *host) raw() (net.Conn, *bufio.Reader) {
	h.t.Helper()
	conn, err := h.open()
	require.NoError(h.t, err)
	h.t.Cleanup(func() { conn.Close() })
	require.NoError(h.t, conn.SetDeadline(time.Now().Add(timeout)))
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	require.NoError(h.t, err)
	require.True(h.t, strings.HasPrefix(line, "INFO {"), line)
	return conn, in
}

func TestMessagesArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	process, other := h.process(), h.connect()
	for _, way := range []struct{ from, to *nats.Conn }{{process, other}, {other, process}, {process, h.process()}} {
		sub, err := way.to.SubscribeSync("some.*")
		require.NoError(t, err)
		require.NoError(t, way.to.Flush())
		for _, sent := range []*nats.Msg{
			{Subject: "some.thing", Data: []byte("plain")},
			{Subject: "some.thing", Data: []byte{}},
			{Subject: "some.thing", Reply: "else.where", Data: []byte("\r\nPUB x 1\r\n\x00")},
			{Subject: "some.thing", Data: []byte{}, Header: nats.Header{"Name": {"a", "b: c"}, "lower-Case": {""}}},
			{Subject: "some.thing", Reply: "r", Data: make([]byte, way.from.MaxPayload()-64), Header: nats.Header{"A": {"b"}}},
		} {
			require.NoError(t, way.from.PublishMsg(sent))
			got, err := sub.NextMsg(timeout)
			require.NoError(t, err)
			require.Equal(t, sent.Subject, got.Subject)
			require.Equal(t, sent.Reply, got.Reply)
			require.Equal(t, sent.Data, got.Data)
			require.Equal(t, sent.Header, got.Header)
		}
		require.NoError(t, sub.Unsubscribe())
	}
	require.Equal(t, h.nc.MaxPayload(), process.MaxPayload())
	require.Equal(t, h.nc.ConnectedServerVersion(), process.ConnectedServerVersion())
	_, err := process.Request("nobody.listens", nil, timeout)
	require.ErrorIs(t, err, nats.ErrNoResponders)
}

// A flush returns when the broker has what was sent, and the process has all that had
// come by then.
func TestAFlushIsTheBrokers(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	process, other := h.process(), h.connect()
	sub, err := process.SubscribeSync("flood")
	require.NoError(t, err)
	for range 50 {
		require.NoError(t, process.Flush())
		const n = 100
		for i := range n {
			require.NoError(t, other.Publish("flood", fmt.Append(nil, i)))
		}
		require.NoError(t, other.Flush())
		require.NoError(t, process.Flush())
		waiting, _, err := sub.Pending()
		require.NoError(t, err)
		require.Equal(t, n, waiting)
		for i := range n {
			msg, err := sub.NextMsg(timeout)
			require.NoError(t, err)
			require.Equal(t, fmt.Append(nil, i), msg.Data)
		}
	}
}

// What the broker has sent when a process ends a subscription still arrives.
func TestASubscriptionDrains(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	process, other := h.process(), h.connect()
	for range 20 {
		got, closed := 0, make(chan struct{})
		sub, err := process.Subscribe("drained", func(*nats.Msg) { got++ })
		require.NoError(t, err)
		sub.SetClosedHandler(func(string) { close(closed) })
		require.NoError(t, process.Flush())
		for range 100 {
			require.NoError(t, other.Publish("drained", nil))
		}
		require.NoError(t, other.Flush())
		require.NoError(t, sub.Drain())
		select {
		case <-closed:
		case <-time.After(timeout):
			require.FailNow(t, "it does not end")
		}
		require.Equal(t, 100, got)
	}
	limited, err := process.SubscribeSync("drained")
	require.NoError(t, err)
	require.NoError(t, limited.AutoUnsubscribe(2))
	require.NoError(t, process.Flush())
	for range 3 {
		require.NoError(t, other.Publish("drained", nil))
	}
	for range 2 {
		_, err = limited.NextMsg(timeout)
		require.NoError(t, err)
	}
	_, err = limited.NextMsg(timeout)
	require.ErrorIs(t, err, nats.ErrMaxMessages)
}

func TestWhatIsNotPermittedIsRefused(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	refused := make(chan error, 10)
	process, other := h.process(nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err })), h.connect()
	heard, err := other.SubscribeSync("secret.*")
	require.NoError(t, err)
	require.NoError(t, other.Flush())

	require.NoError(t, process.Publish("secret.word", nil))
	require.ErrorContains(t, <-refused, `Permissions Violation for Publish to "secret.word"`)
	_, err = process.SubscribeSync("secret.word")
	require.NoError(t, err)
	require.ErrorContains(t, <-refused, `Permissions Violation for Subscription to "secret.word"`)

	// Who is asked may answer, once.
	_, err = process.Subscribe("question", func(msg *nats.Msg) {
		for range 2 {
			if err := msg.Respond([]byte("answer")); err != nil {
				refused <- err
			}
		}
	})
	require.NoError(t, err)
	require.NoError(t, process.Flush())
	require.NoError(t, other.PublishRequest("question", "secret.inbox", nil))
	msg, err := heard.NextMsg(timeout)
	require.NoError(t, err)
	require.Equal(t, "secret.inbox", msg.Subject)
	require.Equal(t, []byte("answer"), msg.Data)
	require.ErrorContains(t, <-refused, `Permissions Violation for Publish to "secret.inbox"`)
	require.NoError(t, other.Flush())
	waiting, _, err := heard.Pending()
	require.NoError(t, err)
	require.Zero(t, waiting)
}

// What the broker refuses is told to the process that it concerns.
func TestTheBrokersRefusalIsPassedOn(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	refused := make(chan error, 10)
	process := h.process(nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	require.NoError(t, process.Publish("mine", nil))
	_, err := process.SubscribeSync("listened")
	require.NoError(t, err)
	require.NoError(t, process.Flush())
	for _, subject := range []string{"theirs", "mine", "listened"} {
		h.relays[0].Refused(subject)
	}
	require.ErrorIs(t, <-refused, nats.ErrPermissionViolation)
	require.ErrorContains(t, process.LastError(), "listened")
	require.ErrorContains(t, <-refused, "listened")
	require.Empty(t, refused)
}

// When the host loses its broker so do the processes, and they connect again.
func TestTheBrokerGoesAndComesBack(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	process := h.process()
	away := process.StatusChanged(nats.RECONNECTING)
	h.server.Shutdown()
	select {
	case <-away:
	case <-time.After(timeout):
		require.FailNow(t, "the process has not noticed")
	}
	require.Eventually(t, func() bool {
		_, err := h.open()
		return errors.Is(err, relay.ErrAway)
	}, timeout, time.Millisecond)
	h.serve()
	require.Eventually(t, process.IsConnected, timeout, time.Millisecond)
	sub, err := process.SubscribeSync("again")
	require.NoError(t, err)
	require.NoError(t, process.Flush())
	require.NoError(t, h.connect().Publish("again", []byte("here")))
	msg, err := sub.NextMsg(timeout)
	require.NoError(t, err)
	require.Equal(t, []byte("here"), msg.Data)
}

// A process that does not keep to the protocol loses its own connection, and hears why.
func TestGarbageHarmsItself(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	good := h.process()
	for _, bad := range []string{
		"\r\n", "hello\r\n", strings.Repeat("x", 1<<20), "PUB\r\n", "PUB a b c d\r\n", "PUB a -1\r\n", "PUB a 5000000000\r\n", "PUB a 2\r\nabcd\r\n",
		"PUB a 1048577\r\n", "HPUB a 5 3\r\n", "HPUB a 3 3\r\nabc\r\n", "SUB a\r\n", "UNSUB\r\n", "UNSUB 1 x\r\n",
	} {
		conn, in := h.raw()
		go func() { _, _ = io.WriteString(conn, bad) }() // the end may come before it is all written
		rest, err := io.ReadAll(in)
		if err == nil {
			require.True(t, strings.HasPrefix(string(rest), "-ERR '"), "%.40q: %q", bad, rest)
		} else { // what was not read yet is lost with the connection
			require.ErrorContains(t, err, "reset by peer", "%.40q", bad)
		}
	}
	conn, in := h.raw()
	go func() {
		for i := range 2000 {
			if _, err := fmt.Fprintf(conn, "SUB a.%d %d\r\n", i, i); err != nil {
				return
			}
		}
	}()
	rest, err := io.ReadAll(in)
	if err == nil {
		require.Equal(t, "-ERR 'maximum subscriptions exceeded'\r\n", string(rest))
	}
	require.NoError(t, good.Flush())
	require.Eventually(t, func() bool { return h.nc.NumSubscriptions() == 0 }, timeout, time.Millisecond)
}

// A process that does not read is disconnected, and others do not wait for it.
func TestAProcessThatDoesNotRead(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	good, other := h.process(), h.connect()
	conn, _ := h.raw()
	_, err := io.WriteString(conn, "SUB flood 1\r\nPING\r\n")
	require.NoError(t, err)
	sub, err := good.SubscribeSync("flood")
	require.NoError(t, err)
	require.NoError(t, good.Flush())
	require.Eventually(t, func() bool { return h.nc.NumSubscriptions() == 2 }, timeout, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	for range 64 {
		require.NoError(t, other.Publish("flood", make([]byte, 1<<20)))
		_, err := sub.NextMsgWithContext(ctx)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return h.nc.NumSubscriptions() == 1 }, timeout, time.Millisecond)
	require.True(t, h.relays[1].Ended())
}
