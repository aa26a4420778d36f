package broker_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

func TestLetters(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	require.NoError(t, broker.EnsureShared(t.Context(), js, broker.StreamOptions{}))
	p := newPublisher(t, nc, broker.NewPublisher)
	for _, subject := range []string{
		broker.DeadSubject("q", "c", 7), broker.DeadSubject("r", "c", 8), broker.UnreadSubject("q", 9),
		"muster.dead.q.c.notanumber", "muster.dead.q.c",
	} {
		_, err := publish(t, p, &nats.Msg{Subject: subject, Data: []byte(subject)})
		require.NoError(t, err)
	}
	list := func(queue string) (all []broker.Letter) {
		for letter, err := range broker.Letters(t.Context(), js, queue) {
			require.NoError(t, err)
			letter.Data = nil
			all = append(all, letter)
		}
		return all
	}
	q := []broker.Letter{{Seq: 1, Queue: "q", Client: "c", N: 7}, {Seq: 3, Queue: "q", N: 9}}
	r := broker.Letter{Seq: 2, Queue: "r", Client: "c", N: 8}
	require.Equal(t, q, list("q"))
	require.Equal(t, []broker.Letter{q[0], r, q[1]}, list(""))
	require.Empty(t, list("none"))

	letter, err := broker.TaskLetter(t.Context(), js, "c", 8)
	require.NoError(t, err)
	require.Equal(t, broker.DeadSubject("r", "c", 8), string(letter.Data))
	letter, err = broker.UnreadLetter(t.Context(), js, "q", 9)
	require.NoError(t, err)
	require.Equal(t, q[1].Seq, letter.Seq)
	for range 2 {
		require.NoError(t, broker.RemoveLetter(t.Context(), js, r.Seq))
	}
	_, err = broker.TaskLetter(t.Context(), js, "c", 8)
	require.ErrorIs(t, err, broker.ErrNoLetter)
	_, err = broker.UnreadLetter(t.Context(), js, "r", 9)
	require.ErrorIs(t, err, broker.ErrNoLetter)
}

func TestCounts(t *testing.T) {
	t.Parallel()
	nc, js := queueOn(t, startServer(t, broker.ServerConfig{}).URL())
	none, err := broker.CountLetters(t.Context(), js, "")
	require.NoError(t, err, "there is no stream of dead letters yet")
	require.Empty(t, none)
	p := newPublisher(t, nc, broker.NewPublisher)
	cron := &nats.Msg{Subject: broker.CronSubject("q", broker.Low, "nightly")}
	require.NoError(t, broker.ScheduleCron(cron, "q", broker.Low, "@daily", ""))
	for _, msg := range []*nats.Msg{cron, scheduled("q", 1), scheduled("q", 2), scheduled("r", 1)} {
		_, err := publish(t, p, msg)
		require.NoError(t, err)
	}
	all, err := broker.CountScheduled(t.Context(), js, "")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"q": 2, "r": 1}, all)
	one, err := broker.CountScheduled(t.Context(), js, "r")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"r": 1}, one)
}

// scheduled returns a client's n-th task, due in an hour.
func scheduled(queue string, n uint64) *nats.Msg {
	msg := &nats.Msg{Subject: broker.SchedSubject(queue, broker.Normal, "c", n)}
	broker.ScheduleAt(msg, queue, broker.Normal, time.Now().Add(time.Hour))
	return msg
}
