package broker_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/login"
)

// stub listens and lets serve speak on every connection.
func stub(t *testing.T, serve func(net.Conn)) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return l.Addr().String()
}

func readToEnd(conn net.Conn) {
	_, _ = bufio.NewReader(conn).WriteTo(bytes.NewBuffer(nil))
}

func TestConnectErrors(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := closed.Addr().String()
	require.NoError(t, closed.Close())
	web := stub(t, func(conn net.Conn) {
		fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		readToEnd(conn)
	})
	curt := stub(t, func(net.Conn) {})
	token := startServer(t, broker.ServerConfig{Token: "right"})

	for name, test := range map[string]struct {
		url   string
		is    error
		parts []string
	}{
		"nobody":      {"nats://joe:hush@" + nobody, broker.ErrUnreachable, []string{"***@" + nobody, "connection refused", "muster serve"}},
		"not NATS":    {"nats://joe:hush@" + web, broker.ErrNotNATS, []string{"***@" + web}},
		"no greeting": {"nats://" + curt, broker.ErrUnreachable, []string{"no greeting"}},
		"credential":  {"nats://hush@" + token.URL()[len("nats://right@"):], broker.ErrCredential, []string{"***@", "user and password"}},
		"no host":     {"nats://joe:hush@:4222", broker.ErrURL, []string{"***@"}},
		"scheme":      {"http://joe:hush@a", broker.ErrURL, []string{"http"}},
		"unparsable":  {"nats://joe:hush@a:b:c", broker.ErrURL, []string{"***@"}},
		"unknown":     {"nats://joe:hush@no-such-host.invalid", broker.ErrUnreachable, []string{"***@no-such-host.invalid"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, err := broker.Connect(t.Context(), broker.Config{URL: test.url})
			require.ErrorIs(t, err, test.is)
			for _, part := range test.parts {
				require.ErrorContains(t, err, part)
			}
			require.NotContains(t, err.Error(), "hush")
			require.NotContains(t, err.Error(), "\n")
			require.Less(t, time.Since(start), 6*time.Second)
		})
	}
}

func TestConnectEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	mute := stub(t, func(conn net.Conn) {
		cancel() // the client waits for a greeting now
		readToEnd(conn)
	})
	start := time.Now()
	_, err := broker.Connect(ctx, broker.Config{URL: "nats://" + mute})
	require.ErrorIs(t, err, broker.ErrUnreachable)
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(start), 4*time.Second)
}

// oldServer greets as a server of some version and answers pings.
func oldServer(version string) func(net.Conn) {
	return func(conn net.Conn) {
		fmt.Fprintf(conn, "INFO {\"server_id\":\"X\",\"version\":%q,\"headers\":true,\"max_payload\":1048576,\"proto\":1}\r\n", version)
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			if lines.Text() == "PING" {
				fmt.Fprint(conn, "PONG\r\n")
			}
		}
	}
}

func TestCheckServerVersion(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2.9.25", "2.11.99", "1.99.0", "2.13.9", "2.14.x", ""} {
		nc := connect(t, "nats://"+stub(t, oldServer(version)))
		_, err := broker.Check(t.Context(), nc)
		require.ErrorIs(t, err, broker.ErrServerVersion)
		require.ErrorContains(t, err, broker.MinServer)
		nc.Close()
	}
	for _, version := range []string{"2.14.0", "2.14.0-RC.1", "3.0.0", "2.100.0"} {
		nc := connect(t, "nats://"+stub(t, oldServer(version)))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := broker.Check(ctx, nc)
		require.ErrorIs(t, err, broker.ErrNoJetStream, version) // the stub has none
		cancel()
		nc.Close()
	}
}

func TestCheckJetStream(t *testing.T) {
	t.Parallel()
	s := startServer(t, broker.ServerConfig{ConfigFile: configFile(t, fmt.Sprintf(`
		listen: "127.0.0.1:-1"
		jetstream { store_dir: %s }
		accounts {
			WITH    { jetstream: enabled, users: [
				{ user: may, password: x },
				{ user: maynot, password: x, permissions { publish: ["foo"], subscribe: [">"] } } ] }
			WITHOUT { users: [ { user: none, password: x } ] }
		}
	`, strconv.Quote(t.TempDir())))})
	at := func(user string) *nats.Conn { return connect(t, "nats://"+user+":x@"+s.URL()[len("nats://"):]) }

	jetStream(t, at("may"))
	_, err := broker.Check(t.Context(), at("none"))
	require.ErrorIs(t, err, broker.ErrNoJetStream)
	require.ErrorContains(t, err, "enable")

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = broker.Check(ctx, at("maynot"))
	require.ErrorIs(t, err, broker.ErrNoJetStream)
	require.ErrorContains(t, err, "$JS.API.INFO")
}

func TestCheckJetStreamOff(t *testing.T) {
	t.Parallel()
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	require.NoError(t, err)
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	_, err = broker.Check(t.Context(), connect(t, "nats://"+ns.Addr().String()))
	require.ErrorIs(t, err, broker.ErrNoJetStream)
	require.ErrorContains(t, err, "it is off")
}

// syncBuffer is a bytes.Buffer for several goroutines.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestConnectReconnectsAndLogs(t *testing.T) {
	t.Parallel()
	cfg := broker.ServerConfig{StoreDir: t.TempDir(), Port: -1, Token: "hush"}
	s := startServer(t, cfg)
	var log syncBuffer
	nc, err := broker.Connect(t.Context(), broker.Config{
		URL: s.URL(), Credentials: login.Credentials{InboxPrefix: "_INBOX_me"}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	require.NoError(t, err)
	defer nc.Close()
	require.Contains(t, nc.NewInbox(), "_INBOX_me.")
	changed := nc.StatusChanged(nats.RECONNECTING, nats.CONNECTED)

	cfg.Port = port(t, s)
	s.Shutdown()
	require.Equal(t, nats.RECONNECTING, <-changed)
	require.ErrorIs(t, nc.Publish("x", nil), nats.ErrReconnectBufExceeded)
	startServer(t, cfg)
	require.Equal(t, nats.CONNECTED, <-changed)
	require.Eventually(t, func() bool { return bytes.Contains([]byte(log.String()), []byte("broker reconnected")) }, 5*time.Second, time.Millisecond)
	require.Contains(t, log.String(), "broker disconnected")
	require.NotContains(t, log.String(), "hush")
}

func TestReconnectDelay(t *testing.T) {
	t.Parallel()
	require.Zero(t, broker.ReconnectDelay(1))
	for n := 2; n < 100; n++ {
		d := broker.ReconnectDelay(n)
		require.Positive(t, d)
		require.Less(t, d, 2*time.Second)
	}
	require.Greater(t, broker.ReconnectDelay(50), 900*time.Millisecond)
}
