package pool

import (
	"encoding/json"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/proc"
)

// A process that asks for connections without end has one at a time, and a socket that
// it has not used is not followed by another.
func TestAProcessHasOneConnectionForItsClient(t *testing.T) {
	t.Parallel()
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	require.NoError(t, err)
	defer server.Shutdown()
	nc, err := broker.Connect(t.Context(), broker.Config{URL: server.URL()})
	require.NoError(t, err)
	defer nc.Close()
	s := &Supervisor{cfg: Config{Logger: slog.New(slog.DiscardHandler)}, nc: nc}
	ours, file, err := proc.SocketPair()
	require.NoError(t, err)
	theirs, err := proc.FileConn(file)
	require.NoError(t, err)
	p := &process{}
	p.link, err = link.New(ours)
	require.NoError(t, err)
	defer p.link.Close()
	far, err := link.New(theirs)
	require.NoError(t, err)
	defer far.Close()
	require.NoError(t, theirs.SetReadDeadline(time.Now().Add(30*time.Second)))

	for range 3 {
		for range 100 {
			s.connectClient(p)
		}
		p.order(order{Ping: true})
		f, err := far.Receive()
		require.NoError(t, err)
		var o order
		require.NoError(t, json.Unmarshal(f.Payload, &o))
		require.NotNil(t, o.Client)
		require.NotNil(t, f.File)
		conn, err := proc.FileConn(f.File)
		require.NoError(t, err)
		f, err = far.Receive()
		require.NoError(t, err)
		require.JSONEq(t, `{"ping":true}`, string(f.Payload), "one socket")

		require.False(t, p.client.Greeted())
		_, err = io.WriteString(conn, "CONNECT {}\r\n")
		require.NoError(t, err)
		require.Eventually(t, p.client.Greeted, 30*time.Second, time.Millisecond)
		before := p.client
		s.connectClient(p)
		require.True(t, before.Ended(), "the one before it")
		_, err = far.Receive()
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		p.client.Close()
	}
}
