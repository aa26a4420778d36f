package objects_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/objects"
)

// openJetStream starts a broker and connects to it.
func openJetStream(t *testing.T) (context.Context, jetstream.JetStream) {
	t.Helper()
	server, err := broker.StartServer(broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(server.Shutdown)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	nc, err := broker.Connect(ctx, broker.Config{URL: server.URL()})
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return ctx, js
}

// contents returns how many messages the store has of its objects' contents.
func contents(ctx context.Context, t *testing.T, js jetstream.JetStream) int {
	t.Helper()
	stream, err := js.Stream(ctx, broker.ObjectStreamName)
	require.NoError(t, err)
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter("$O.MUSTER.C.>"))
	require.NoError(t, err)
	n := 0
	for _, messages := range info.State.Subjects {
		n += int(messages)
	}
	return n
}

// A value with a time to live goes by itself, whole; one without stays.
func TestValueWithATimeToLive(t *testing.T) {
	t.Parallel()
	ctx, js := openJetStream(t)
	s := objects.New(js.Conn(), slog.Default())
	long, err := s.Put(ctx, make([]byte, 128<<10), 0)
	require.NoError(t, err)
	short, err := s.Put(ctx, make([]byte, 1<<20), 5*time.Second)
	require.NoError(t, err)
	require.Equal(t, 9, contents(ctx, t, js))
	require.Eventually(t, func() bool {
		there, err := s.Has(ctx, short)
		return err == nil && !there && contents(ctx, t, js) == 1
	}, 20*time.Second, 50*time.Millisecond)
	_, err = s.Get(ctx, short, 1<<30)
	require.ErrorIs(t, err, objects.ErrGone)
	require.NotErrorIs(t, err, objects.ErrRemoved)
	require.NoError(t, s.Remove(ctx, long))
	_, err = s.Get(ctx, long, 1<<30)
	require.ErrorIs(t, err, objects.ErrRemoved)
}

// A store as an earlier version makes it serves both: each reads what the other has
// stored, and neither minds that the other has removed something.
func TestStoreOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	ctx, js := openJetStream(t)
	old, err := js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: broker.ObjectBucket, TTL: 7 * 24 * time.Hour, Storage: jetstream.FileStorage})
	require.NoError(t, err)
	s := objects.New(js.Conn(), slog.New(slog.DiscardHandler))
	maxAge, err := s.MaxAge(ctx)
	require.NoError(t, err)
	require.Equal(t, 7*24*time.Hour, maxAge)
	for _, size := range []int{0, 1, 128 << 10, 128<<10 + 1, 8 << 20, 20 << 20} {
		value := bytes.Repeat([]byte{7}, size)
		name, err := s.Put(ctx, value, time.Hour)
		require.NoError(t, err)
		got, err := old.GetBytes(ctx, name)
		require.NoError(t, err)
		require.True(t, bytes.Equal(value, got), size)
		require.NoError(t, s.Remove(ctx, name))
		_, err = old.GetBytes(ctx, name)
		require.ErrorIs(t, err, jetstream.ErrObjectNotFound)

		_, err = old.PutBytes(ctx, "theirs", value)
		require.NoError(t, err)
		got, err = s.Get(ctx, "theirs", 1<<30)
		require.NoError(t, err)
		require.True(t, bytes.Equal(value, got), size)
		require.NoError(t, old.Delete(ctx, "theirs"))
		_, err = s.Get(ctx, "theirs", 1<<30)
		require.ErrorIs(t, err, objects.ErrGone)
		require.NotErrorIs(t, err, objects.ErrRemoved)
		require.NoError(t, s.Remove(ctx, "theirs"))
	}
	require.Zero(t, contents(ctx, t, js))
}
