package fleet_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestHostsTellHowTheyStand(t *testing.T) {
	s := newScene(t)
	s.host(2)
	require.Eventually(t, func() bool { // a slow machine may not answer in time
		hosts, err := s.fleet.Hosts(s.ctx)
		require.NoError(t, err)
		return len(hosts) == 1 && len(hosts[0].Processes) == 2
	}, patience, time.Millisecond)
	_, err := s.fleet.Hosts(ended())
	require.Error(t, err)
}

func TestWatchOfManyUpdates(t *testing.T) {
	s := newScene(t)
	w, err := s.fleet.Watch(s.ctx)
	require.NoError(t, err)
	nc, err := nats.Connect(s.url)
	require.NoError(t, err)
	defer nc.Close()

	// Nobody reads: the latest are kept.
	const beats = 2000
	for i := range beats {
		require.NoError(t, nc.Publish("muster.host.aaaaaaaa", fmt.Appendf(nil, `{"id":"aaaaaaaa","host":"h","pid":%d}`, i)))
		require.NoError(t, nc.Publish("muster.host.aaaaaaaa", []byte("garbled")))
		if i%100 == 0 {
			require.NoError(t, nc.Flush())
		}
	}
	require.Eventually(t, func() bool {
		hosts := w.Hosts()
		return len(hosts) == 1 && hosts[0].PID == beats-1
	}, patience, time.Millisecond)
	w.Close()
	w.Close()
	last := codec.HostStatus{PID: -1}
	n := 0
	for status := range w.Updates() {
		require.Greater(t, status.PID, last.PID)
		last = status
		n++
	}
	require.Equal(t, beats-1, last.PID)
	require.Less(t, n, beats)
}

// A host that begins while somebody watches hears so without waiting for its turn.
func TestWatchTellsNewHosts(t *testing.T) {
	s := newScene(t)
	nc, err := nats.Connect(s.url)
	require.NoError(t, err)
	defer nc.Close()
	tellings, err := nc.SubscribeSync("muster.watch")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	w, err := s.fleet.WatchEvery(s.ctx, time.Hour)
	require.NoError(t, err)
	defer w.Close()
	_, err = tellings.NextMsg(patience)
	require.NoError(t, err)
	for _, id := range []string{"aaaaaaaa", "bbbbbbbb"} {
		require.NoError(t, nc.Publish("muster.host."+id, fmt.Appendf(nil, `{"id":%q,"host":"h"}`, id)))
		_, err = tellings.NextMsg(patience)
		require.NoError(t, err)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	s := newScene(t)
	w, err := s.fleet.Watch(ended())
	require.NoError(t, err)
	_, open := <-w.Updates()
	require.False(t, open)
	w.Close()
}
