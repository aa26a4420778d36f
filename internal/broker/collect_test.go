package broker_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

func TestCollect(t *testing.T) {
	t.Parallel()
	server := startServer(t, broker.ServerConfig{Port: -1, StoreDir: t.TempDir()})
	js, ctx := jetStream(t, connect(t, server.URL())), t.Context()
	require.NoError(t, broker.EnsureShared(ctx, js, broker.StreamOptions{}))
	collect := func(want broker.Selection) (subjects []string) {
		require.NoError(t, broker.Collect(ctx, js, broker.CancelStream, want, func(m jetstream.Msg) { subjects = append(subjects, m.Subject()) }))
		return subjects
	}
	a, b := []string{broker.CancelSubject("a")}, []string{broker.CancelSubject("a"), broker.CancelAnySubject}
	require.Empty(t, collect(broker.Selection{Subjects: a}))
	for _, subject := range []string{broker.CancelSubject("a"), broker.CancelSubject("b"), broker.CancelAnySubject} {
		_, err := js.Publish(ctx, subject, nil)
		require.NoError(t, err)
	}
	require.Equal(t, a, collect(broker.Selection{Subjects: a}))
	require.Equal(t, b, collect(broker.Selection{Subjects: b}))
	require.Equal(t, b[1:], collect(broker.Selection{Subjects: b, After: 1}))
	require.Empty(t, collect(broker.Selection{Subjects: b, After: 3}))
	require.Equal(t, b, collect(broker.Selection{Subjects: b, Since: time.Now().Add(-time.Hour)}))

	for range 1100 {
		_, err := js.PublishAsync(broker.CancelSubject("many"), nil)
		require.NoError(t, err)
	}
	<-js.PublishAsyncComplete()
	require.Len(t, collect(broker.Selection{Subjects: []string{broker.CancelSubject("many")}}), 1100)
	require.ErrorIs(t, broker.Collect(ctx, js, "NOSUCH", broker.Selection{}, nil), jetstream.ErrStreamNotFound)
}
