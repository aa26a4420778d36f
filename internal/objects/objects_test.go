package objects_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/broker/brokertest"
	"github.com/musterfleet/muster/internal/objects"
)

func TestStore(t *testing.T) {
	t.Parallel()
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	require.NoError(t, err)
	defer server.Shutdown()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	nc, err := broker.Connect(ctx, broker.Config{URL: server.URL()})
	require.NoError(t, err)
	defer nc.Close()

	// Several open the bucket at once, as clients and workers do.
	var all sync.WaitGroup
	names := make([]string, 8)
	for i := range names {
		all.Go(func() {
			name, err := objects.New(nc, slog.Default()).Put(ctx, bytes.Repeat([]byte{byte(i)}, i<<18), 0)
			require.NoError(t, err)
			names[i] = name
		})
	}
	all.Wait()

	s := objects.New(nc, slog.Default())
	for i, name := range names {
		there, err := s.Has(ctx, name)
		require.NoError(t, err)
		require.True(t, there)
		data, err := s.Get(ctx, name, 1<<30)
		require.NoError(t, err)
		require.Equal(t, bytes.Repeat([]byte{byte(i)}, i<<18), data)
	}
	_, err = s.Get(ctx, names[7], 7<<18-1)
	require.ErrorIs(t, err, objects.ErrTooLarge)
	require.NoError(t, s.Remove(ctx, names[7]))
	require.NoError(t, s.Remove(ctx, names[7]), "twice is once")
	_, err = s.Get(ctx, names[7], 1<<30)
	require.ErrorIs(t, err, objects.ErrRemoved)
	there, err := s.Has(ctx, names[7])
	require.NoError(t, err)
	require.False(t, there)
}

// A value that is passed while the broker is away arrives when it is back.
func TestStoreWaitsForTheBroker(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cfg := broker.ServerConfig{Port: brokertest.FreePorts(t, 1)[0], StoreDir: t.TempDir()}
	server, err := broker.StartServer(cfg)
	require.NoError(t, err)
	nc, err := broker.Connect(ctx, broker.Config{URL: server.URL()})
	require.NoError(t, err)
	defer nc.Close()
	log := &firstWord{said: make(chan struct{})}
	s := objects.New(nc, slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, s.Ensure(ctx))

	server.Shutdown()
	short, cancelShort := context.WithTimeout(ctx, time.Second)
	defer cancelShort()
	_, err = objects.New(nc, slog.Default()).Put(short, []byte("too late"), 0)
	require.Error(t, err, "its context has ended")

	var name string
	var all sync.WaitGroup
	all.Go(func() { name, err = s.Put(ctx, []byte("large"), 0) })
	await(ctx, t, log.said)
	server, startErr := broker.StartServer(cfg)
	require.NoError(t, startErr)
	defer server.Shutdown()
	all.Wait()
	require.NoError(t, err)
	data, err := s.Get(ctx, name, 100)
	require.NoError(t, err)
	require.Equal(t, []byte("large"), data)
}

// What was asked when the connection was lost is asked again, not waited for.
func TestStoreAsksAgain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second) // half of the store's patience
	defer cancel()
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	require.NoError(t, err)
	defer server.Shutdown()
	line := newMuteLine(t, strings.TrimPrefix(server.URL(), "nats://"))
	nc, err := broker.Connect(ctx, broker.Config{URL: "nats://" + line.Addr().String()})
	require.NoError(t, err)
	defer nc.Close()
	s := objects.New(nc, slog.Default())
	name, err := s.Put(ctx, []byte("large"), 0)
	require.NoError(t, err)

	line.mute.Store(true)
	var data []byte
	var all sync.WaitGroup
	all.Go(func() { data, err = s.Get(ctx, name, 100) })
	await(ctx, t, line.swallowed)
	line.mute.Store(false)
	line.cut()
	all.Wait()
	require.NoError(t, err)
	require.Equal(t, []byte("large"), data)
}

func await(ctx context.Context, t *testing.T, signal <-chan struct{}) {
	t.Helper()
	select {
	case <-signal:
	case <-ctx.Done():
		require.FailNow(t, "nothing happened")
	}
}

// muteLine stands between a client and its broker. While it is mute, it swallows what
// the client says.
type muteLine struct {
	net.Listener
	mute      atomic.Bool
	swallowed chan struct{}
	mu        sync.Mutex
	ends      []net.Conn
}

func newMuteLine(t *testing.T, to string) *muteLine {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &muteLine{Listener: listener, swallowed: make(chan struct{}, 1)}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			l.mu.Lock()
			l.ends = append(l.ends, near, far)
			l.mu.Unlock()
			all.Go(func() { _, _ = io.Copy(near, far) })
			all.Go(func() { l.pass(far, near) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		l.cut()
		all.Wait()
	})
	return l
}

func (l *muteLine) pass(far, near net.Conn) {
	space := make([]byte, 4<<10)
	for {
		n, err := near.Read(space)
		if err != nil {
			return
		}
		if l.mute.Load() {
			select {
			case l.swallowed <- struct{}{}:
			default:
			}
		} else if _, err := far.Write(space[:n]); err != nil {
			return
		}
	}
}

// cut ends the connections that there are.
func (l *muteLine) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range l.ends {
		end.Close()
	}
	l.ends = nil
}

// firstWord tells when something is logged.
type firstWord struct {
	once sync.Once
	said chan struct{}
	text string // what was logged first, once it was
}

func (w *firstWord) Write(p []byte) (int, error) {
	w.once.Do(func() {
		w.text = string(p)
		close(w.said)
	})
	return len(p), nil
}
