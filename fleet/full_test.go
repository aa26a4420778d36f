package fleet_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// newFullScene is a scene with room for 1 MB.
func newFullScene(t *testing.T) *scene {
	t.Helper()
	file := t.TempDir() + "/nats.conf"
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil,
		"listen: \"127.0.0.1:-1\"\njetstream { store_dir: %q, max_file_store: 1MB }\n", t.TempDir()), 0o600))
	return newSceneWith(t, broker.ServerConfig{ConfigFile: file})
}

// fill stores messages until the broker has no room.
func (s *scene) fill(subject func(i uint64) string) {
	s.t.Helper()
	nc, err := nats.Connect(s.url)
	require.NoError(s.t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	i := uint64(0)
	for _, size := range []int{16 << 10, 1 << 10, 1} {
		for err = nil; err == nil; i++ {
			_, err = js.Publish(s.ctx, subject(i), make([]byte, size), jetstream.WithRetryAttempts(0))
		}
		require.ErrorContains(s.t, err, "insufficient resources")
	}
}

func TestPurgeOfAFullBrokerMakesRoom(t *testing.T) {
	s := newFullScene(t)
	c := s.client()
	var futures []*producer.Future[string]
	shout := codec.NewFunc[string, string]("shout") // no host runs it
	for i := range 20 {
		var options []producer.CallOption
		switch i % 3 {
		case 1:
			options = append(options, producer.Retain(time.Hour))
		case 2:
			options = append(options, producer.Key(fmt.Sprint(i)))
		}
		futures = append(futures, submit(s, c, shout, strings.Repeat("x", 10_000), options...))
	}
	require.NoError(t, c.Flush(s.ctx))
	s.fill(func(uint64) string { return broker.TaskSubject(producer.DefaultQueue, broker.Low) })

	n, err := s.fleet.Purge(s.ctx, producer.DefaultQueue)
	require.NoError(t, err)
	require.Equal(t, len(futures), n)
	for _, future := range futures {
		_, err := future.Result(s.ctx)
		require.ErrorIs(t, err, codec.ErrCancelled)
	}
	again, err := producer.Attach(s.ctx, c, shout, futures[1].ID())
	require.NoError(t, err)
	_, err = again.Result(s.ctx)
	require.ErrorIs(t, err, codec.ErrCancelled, "the outcome is stored")
	require.Zero(t, s.queue().Waiting)
	submit(s, c, shout, strings.Repeat("x", 100_000))
	require.NoError(t, c.Flush(s.ctx), "there is room")
}

func TestRemovingDeadLettersOfAFullBrokerMakesRoom(t *testing.T) {
	s := newFullScene(t)
	c := s.client()
	s.fill(func(i uint64) string { return broker.UnreadSubject(producer.DefaultQueue, i+1) })
	letters := s.letters("")
	require.NotEmpty(t, letters)
	for _, letter := range letters {
		require.NoError(t, s.fleet.RemoveDead(s.ctx, letter.ID))
	}
	require.Empty(t, s.letters(""))
	submit(s, c, codec.NewFunc[string, string]("shout"), strings.Repeat("x", 100_000))
	require.NoError(t, c.Flush(s.ctx), "there is room")
}
