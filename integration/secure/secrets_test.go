package secure

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// A worker host has its credential from the environment; its processes do not.
func TestHandlersFindNoCredential(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	token := broker.RandomCredential()
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir(), Token: token})
	require.NoError(t, err)
	defer server.Shutdown()
	t.Setenv("MUSTER_URL", server.URL())
	t.Setenv("NATS_URL", server.URL())
	t.Setenv("MUSTER_TOKEN", token)
	require.NotEmpty(t, found(t, token), "the test would find it")

	host, err := pool.Start(ctx, pool.Config{Processes: 1, Stdout: t.Output(), Stderr: t.Output()})
	require.NoError(t, err)
	defer host.Kill()
	client, err := producer.Connect(ctx, "")
	require.NoError(t, err)
	defer client.Close(ctx)
	f, err := producer.Submit(ctx, client, secrets, token)
	require.NoError(t, err)
	where, err := f.Result(ctx)
	require.NoError(t, err)
	require.Empty(t, where)
	f2, err := producer.Submit(ctx, client, nested, 2)
	require.NoError(t, err)
	n, err := f2.Result(ctx)
	require.NoError(t, err, "pool.Client connects all the same")
	require.Equal(t, 4, n)
	for _, known := range []string{token, "a text that the process has"} {
		f, err := producer.Submit(ctx, client, recall, reverse(known))
		require.NoError(t, err)
		n, err := f.Result(ctx)
		require.NoError(t, err)
		require.Equal(t, known != token, n > 0, "in the memory of a process whose handlers have a client: %q", known)
	}

	// What all children show, the guard included.
	children := 0
	entries, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, stat := range entries {
		text, err := os.ReadFile(stat)
		if err != nil || !strings.Contains(string(text), ") "+"S "+itoa(os.Getpid())+" ") && !strings.Contains(string(text), ") R "+itoa(os.Getpid())+" ") {
			continue
		}
		children++
		for _, name := range []string{"environ", "cmdline"} {
			text, err := os.ReadFile(filepath.Join(filepath.Dir(stat), name))
			require.NoError(t, err)
			require.NotContains(t, string(text), token, "%s of %s", name, stat)
		}
	}
	require.GreaterOrEqual(t, children, 2, "a worker process and the guard")
}

// A host whose group is not the one that its permissions are for: a task that asks for a
// client is told at once.
func TestATasksClientHearsThatItIsNotPermitted(t *testing.T) {
	s := newStage(t, "one-node.conf", "")
	require.NoError(t, s.fleet().CreateQueue(s.ctx, "default"))
	s.worker.Group, s.worker.InboxPrefix = "billing", "_INBOX_worker"
	s.host()
	client := s.client(s.billing)
	f, err := producer.Submit(s.ctx, client, nested, 2)
	require.NoError(t, err)
	_, err = f.Result(s.ctx)
	require.ErrorContains(t, err, "this user may not subscribe to muster.")
}

// knownText is one that is in the memory of every process of this program.
var knownText = strings.Join([]string{"a text", "that the process has"}, " ")

func reverse(text string) string {
	b := []byte(text)
	slices.Reverse(b)
	return string(b)
}

// recalls counts how often a text is in the writable memory of this process. The text is
// reversed so that the call itself does not put it there.
func recalls(_ context.Context, reversed string) (n int, err error) {
	runtime.KeepAlive(knownText)
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0, err
	}
	memory, err := os.Open("/proc/self/mem")
	if err != nil {
		return 0, err
	}
	defer memory.Close()
	const step = 1 << 20
	chunk := make([]byte, step+len(reversed))
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil {
			return 0, err
		}
		if !strings.HasPrefix(mode, "rw") {
			continue
		}
		for at := from; at < to; at += step {
			part := chunk[:min(uint64(len(chunk)), to-at)]
			if _, err := memory.ReadAt(part, int64(at)); err != nil {
				continue // not memory, as that of a device
			}
			n += countReversed(part, reversed)
			clear(part) // it would be found in this memory itself
		}
	}
	return n, nil
}

func countReversed(memory []byte, reversed string) (n int) {
	last := len(reversed) - 1
	for {
		at := bytes.IndexByte(memory, reversed[last])
		if at < 0 || at+last >= len(memory) {
			return n
		}
		i := 0
		for i <= last && memory[at+i] == reversed[last-i] {
			i++
		}
		if i > last {
			n++
		}
		memory = memory[at+1:]
	}
}

func found(t *testing.T, secret string) []string {
	where, err := whereIs(t.Context(), secret)
	require.NoError(t, err)
	return where
}

// The broker of a local pool is there for this machine alone, and for who has its
// credential.
func TestTheLocalBrokerIsPrivate(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// What the environment says is for other brokers.
	t.Setenv("NATS_CREDS", "/nowhere")
	t.Setenv("NATS_CA", "/nowhere")
	p, err := pool.Local(ctx, pool.Processes(1), pool.WithOutput(t.Output(), t.Output()))
	require.NoError(t, err)
	defer p.Kill()
	at, err := url.Parse(p.URL())
	require.NoError(t, err)
	require.True(t, net.ParseIP(at.Hostname()).IsLoopback())
	require.GreaterOrEqual(t, len(at.User.Username()), 26, "130 random bits")

	t.Setenv("NATS_CREDS", "")
	t.Setenv("NATS_CA", "")
	for _, user := range []*url.Userinfo{nil, url.User("guess"), url.UserPassword("guess", "guess")} {
		stranger := *at
		stranger.User = user
		_, err := broker.Dial(ctx, stranger.String(), broker.Config{})
		require.ErrorIs(t, err, broker.ErrCredential)
	}
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, address := range addresses {
		ip := address.(*net.IPNet).IP
		if ip.Equal(net.ParseIP(at.Hostname())) {
			continue
		}
		conn, err := net.Dial("tcp", net.JoinHostPort(ip.String(), at.Port()))
		if err == nil {
			conn.Close()
		}
		require.Error(t, err, "it listens at %v", ip)
	}
	// Nor does it show its credential.
	f, err := producer.Submit(ctx, p.Client(), secrets, at.User.Username())
	require.NoError(t, err)
	where, err := f.Result(ctx)
	require.NoError(t, err)
	require.Empty(t, where)
}
