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
