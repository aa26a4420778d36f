package broker_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

func TestUniqueKeyHasOneHolder(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	const rivals = 8
	holders := make([]string, rivals)
	var all sync.WaitGroup
	for i := range rivals {
		all.Go(func() {
			holder, err := broker.PublishUnique(t.Context(), nc, "q", "any key: >.*", broker.KeyHolder{ID: "c-" + strconv.Itoa(i)}, task(i))
			if err != nil {
				t.Error(err)
			}
			holders[i] = holder.ID
		})
	}
	all.Wait()
	winner := ""
	for i, holder := range holders {
		if holder == "" {
			require.Empty(t, winner, "two hold the key")
			winner = "c-" + strconv.Itoa(i)
		}
	}
	for _, holder := range holders {
		if holder != "" {
			require.Equal(t, winner, holder)
		}
	}
	require.EqualValues(t, 2, streamMsgs(t, js, broker.TaskStream("q")))
	msg := pull(t, js, "q", broker.Normal)
	require.Equal(t, winner, "c-"+string(msg.Data()))
	require.NoError(t, msg.DoubleAck(t.Context()))

	// The key outlives the task's message, and goes with its holder alone.
	require.NoError(t, broker.ReleaseKey(t.Context(), js, "q", "any key: >.*", "c-99"))
	holder, err := broker.PublishUnique(t.Context(), nc, "q", "any key: >.*", broker.KeyHolder{ID: "c-99"}, task(99))
	require.NoError(t, err)
	require.Equal(t, winner, holder.ID)
	for range 2 {
		require.NoError(t, broker.ReleaseKey(t.Context(), js, "q", "any key: >.*", winner))
	}
	require.Zero(t, streamMsgs(t, js, broker.TaskStream("q")))
	holder, err = broker.PublishUnique(t.Context(), nc, "q", "any key: >.*", broker.KeyHolder{ID: "c-99"}, task(99))
	require.NoError(t, err)
	require.Empty(t, holder.ID)
}

// Whoever publishes again, because the answer was lost, finds the task stored,
// also when the task has run and its key been released in between.
func TestUniqueKeyLostAnswer(t *testing.T) {
	t.Parallel()
	s := startServer(t, broker.ServerConfig{})
	_, js := queueOn(t, s.URL())
	between := newProxy(t, strings.TrimPrefix(s.URL(), "nats://"))
	nc := connect(t, "nats://"+between.addr)
	between.setDeaf(true)
	stored := make(chan error, 1)
	go func() {
		holder, err := broker.PublishUnique(t.Context(), nc, "q", "k", broker.KeyHolder{ID: "c-1"}, task(1))
		if holder.ID != "" {
			t.Error("held by", holder)
		}
		stored <- err
	}()
	require.Eventually(t, func() bool { return streamMsgs(t, js, broker.TaskStream("q")) == 2 }, 10*time.Second, time.Millisecond)
	between.setDeaf(false)
	between.cut()
	require.NoError(t, <-stored)
	require.EqualValues(t, 2, streamMsgs(t, js, broker.TaskStream("q")))

	require.NoError(t, broker.ReleaseKey(t.Context(), js, "q", "k", "c-1"))
	holder, err := broker.PublishUnique(t.Context(), nc, "q", "k", broker.KeyHolder{ID: "c-1"}, task(1))
	require.NoError(t, err)
	require.Empty(t, holder.ID)
	require.EqualValues(t, 1, streamMsgs(t, js, broker.TaskStream("q")))
}

func TestUniqueKeyRefused(t *testing.T) {
	t.Parallel()
	nc := connect(t, startServer(t, broker.ServerConfig{}).URL())
	js := jetStream(t, nc)
	require.NoError(t, broker.EnsureQueue(t.Context(), js, "q", broker.StreamOptions{MaxBytes: 1000}))

	big := task(1)
	big.Data = make([]byte, 2000)
	_, err := broker.PublishUnique(t.Context(), nc, "q", "k", broker.KeyHolder{ID: "c-1"}, big)
	require.ErrorIs(t, err, broker.ErrStreamFull)
	big.Data = make([]byte, nc.MaxPayload()+1)
	_, err = broker.PublishUnique(t.Context(), nc, "q", "k", broker.KeyHolder{ID: "c-1"}, big)
	require.ErrorIs(t, err, broker.ErrTooLarge)
	require.Zero(t, streamMsgs(t, js, broker.TaskStream("q")), "a key without its task")

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = broker.PublishUnique(ctx, nc, "none", "k", broker.KeyHolder{ID: "c-1"}, &nats.Msg{Subject: broker.TaskSubject("none", broker.High)})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	nc.Close()
	_, err = broker.PublishUnique(t.Context(), nc, "q", "k", broker.KeyHolder{ID: "c-1"}, task(1))
	require.ErrorIs(t, err, broker.ErrClosed)
}
