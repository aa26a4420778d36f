package objects_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
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
			name, err := objects.New(nc, slog.Default()).Put(ctx, bytes.Repeat([]byte{byte(i)}, i<<18))
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
	require.ErrorIs(t, err, objects.ErrGone)
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
	_, err = objects.New(nc, slog.Default()).Put(short, []byte("in vain"))
	require.Error(t, err, "its context has ended")

	var name string
	var all sync.WaitGroup
	all.Go(func() { name, err = s.Put(ctx, []byte("large")) })
	<-log.said
	server, startErr := broker.StartServer(cfg)
	require.NoError(t, startErr)
	defer server.Shutdown()
	all.Wait()
	require.NoError(t, err)
	data, err := s.Get(ctx, name, 100)
	require.NoError(t, err)
	require.Equal(t, []byte("large"), data)
}

// firstWord tells when something is logged.
type firstWord struct {
	once sync.Once
	said chan struct{}
}

func (w *firstWord) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.said) })
	return len(p), nil
}
