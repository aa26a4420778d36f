package broker_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

func TestEnsureTwice(t *testing.T) {
	t.Parallel()
	js := jetStream(t, connect(t, startServer(t, broker.ServerConfig{}).URL()))
	for range 2 {
		require.NoError(t, broker.EnsureShared(t.Context(), js, broker.StreamOptions{Replicas: 1}))
		require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{Replicas: 1, MaxBytes: 1 << 20}))
	}
	stream, err := js.Stream(t.Context(), broker.TaskStream("q"))
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	require.Equal(t, jetstream.WorkQueuePolicy, config.Retention)
	require.Equal(t, jetstream.DiscardNew, config.Discard)
	require.EqualValues(t, 1<<20, config.MaxBytes)
	require.Equal(t, 3, stream.CachedInfo().State.Consumers)
}

func TestEnsureRefusesQueueName(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, broker.EnsureQueue(t.Context(), nil, "a.b", broker.StreamOptions{}), broker.ErrQueueName)
}

func TestEnsureRace(t *testing.T) {
	t.Parallel()
	url := startServer(t, broker.ServerConfig{}).URL()
	const hosts = 8
	errs := make(chan error, 2*hosts)
	var start, all sync.WaitGroup
	start.Add(1)
	for range hosts {
		js := jetStream(t, connect(t, url))
		all.Go(func() {
			start.Wait()
			errs <- broker.EnsureShared(t.Context(), js, broker.StreamOptions{})
			errs <- broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{})
		})
	}
	start.Done()
	all.Wait()
	for range 2 * hosts {
		require.NoError(t, <-errs)
	}
}

func TestForeignStreamIsReportedAndLeftAlone(t *testing.T) {
	t.Parallel()
	js := jetStream(t, connect(t, startServer(t, broker.ServerConfig{}).URL()))
	name := broker.TaskStream("q")
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: name, Subjects: []string{broker.TaskWildcard("q"), broker.KeyWildcard("q")}, Storage: jetstream.MemoryStorage, Duplicates: time.Second,
	})
	require.NoError(t, err)

	err = broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{MaxBytes: 1 << 20})
	require.ErrorIs(t, err, broker.ErrForeignStream)
	for _, part := range []string{
		name, "retention: want WorkQueue, have Limits", "storage: want File, have Memory",
		"discard: want DiscardNew, have DiscardOld", "max_bytes: want 1048576, have -1", "duplicate_window: want 2m0s or more, have 1s",
	} {
		require.ErrorContains(t, err, part)
	}
	require.NotContains(t, err.Error(), "subjects:")
	require.NotContains(t, err.Error(), "\n")

	stream, err := js.Stream(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, jetstream.MemoryStorage, stream.CachedInfo().Config.Storage)
}

func TestForeignSubjectsAreReported(t *testing.T) {
	t.Parallel()
	js := jetStream(t, connect(t, startServer(t, broker.ServerConfig{}).URL()))
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ALL", Subjects: []string{"muster.>"}})
	require.NoError(t, err)
	err = broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{})
	require.ErrorIs(t, err, broker.ErrForeignStream)
	require.ErrorContains(t, err, "another stream takes subjects")
}

func TestForeignConsumerIsReported(t *testing.T) {
	t.Parallel()
	js := jetStream(t, connect(t, startServer(t, broker.ServerConfig{}).URL()))
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{}))
	stream, consumer := broker.TaskStream("q"), broker.WorkersConsumer(broker.Low)
	require.NoError(t, js.DeleteConsumer(t.Context(), stream, consumer))
	_, err := js.CreateConsumer(t.Context(), stream, jetstream.ConsumerConfig{
		Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Second, MaxDeliver: 3, MaxAckPending: 1,
		FilterSubject: broker.TaskSubject("q", broker.Low),
	})
	require.NoError(t, err)
	err = broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{})
	require.ErrorIs(t, err, broker.ErrForeignStream)
	for _, part := range []string{stream, consumer, "ack_wait: want 3s, have 1s", "max_deliver: want -1, have 3", "max_ack_pending", "max_waiting"} {
		require.ErrorContains(t, err, part)
	}
}

func TestOperatorsMayTuneSizes(t *testing.T) {
	t.Parallel()
	js := jetStream(t, connect(t, startServer(t, broker.ServerConfig{}).URL()))
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{}))
	stream, err := js.Stream(t.Context(), broker.TaskStream("q"))
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	config.MaxBytes, config.Duplicates = 1<<20, time.Hour
	_, err = js.UpdateStream(t.Context(), config)
	require.NoError(t, err)
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{}))
}

// Nothing is set aside that a small disk would not have.
func TestEnsureOnASmallDisk(t *testing.T) {
	t.Parallel()
	s := startServer(t, broker.ServerConfig{ConfigFile: configFile(t, fmt.Sprintf(`
		listen: "127.0.0.1:-1"
		jetstream { store_dir: %s, max_file: 1MB }
	`, strconv.Quote(t.TempDir())))})
	js := jetStream(t, connect(t, s.URL()))
	require.NoError(t, broker.EnsureShared(t.Context(), js, broker.StreamOptions{}))
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{}))
}

func TestReplicasNeedACluster(t *testing.T) {
	t.Parallel()
	js := jetStream(t, connect(t, startServer(t, broker.ServerConfig{}).URL()))
	err := broker.EnsureShared(t.Context(), js, broker.StreamOptions{Replicas: 3})
	require.ErrorContains(t, err, broker.ResultsStream)
}

func TestStoredOutcomeIsRepublishedAndFenced(t *testing.T) {
	t.Parallel()
	nc := connect(t, startServer(t, broker.ServerConfig{}).URL())
	js := jetStream(t, nc)
	require.NoError(t, broker.EnsureShared(t.Context(), js, broker.StreamOptions{}))
	sub, err := nc.SubscribeSync(broker.LiveWildcard("c"))
	require.NoError(t, err)

	subject := broker.ResultSubject("c", 7)
	_, err = js.Publish(t.Context(), subject, []byte("first"), jetstream.WithExpectLastSequencePerSubject(0), jetstream.WithMsgTTL(time.Hour))
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), subject, []byte("second"), jetstream.WithExpectLastSequencePerSubject(0))
	require.Error(t, err)

	live, err := sub.NextMsg(5 * time.Second)
	require.NoError(t, err)
	require.Equal(t, broker.LiveResultSubject("c", 7), live.Subject)
	require.Equal(t, "first", string(live.Data))
	_, err = sub.NextMsg(50 * time.Millisecond)
	require.Error(t, err)
}
