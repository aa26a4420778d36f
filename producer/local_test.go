package producer

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/transport"
)

// host is a worker host in the client's program.
type host struct {
	client   *Client
	busy     atomic.Bool // it takes nothing
	taken    atomic.Int64
	begun    atomic.Int64
	released atomic.Int64
	started  []uint64 // what Withhold returns
	asked    []uint64
}

func (h *host) Attach(string, func([]byte) (int, error)) {}

func (h *host) Take(b transport.Batch) (begin func(), ok bool) {
	if h.busy.Load() {
		return nil, false
	}
	h.taken.Add(1)
	return func() {
		if batch := h.client.batchers[DefaultQueue][Normal]; batch.mu.TryLock() {
			batch.mu.Unlock()
			h.begun.Add(1)
		}
	}, true
}

func (h *host) Withhold(tasks []uint64) (started []uint64, release func()) {
	h.asked = tasks
	return h.started, func() { h.released.Add(1) }
}

func withHost(t *testing.T) (*Client, *host) {
	c, d := drained(t)
	h := &host{client: c}
	d.local = h
	return c, h
}

func TestAHostInTheSameProgramIsAskedFirst(t *testing.T) {
	t.Parallel()
	c, h := withHost(t)
	_, err := Submit(t.Context(), c, nop, 0)
	require.NoError(t, err)
	require.EqualValues(t, 1, h.taken.Load())
	require.EqualValues(t, 1, h.begun.Load(), "before Submit returns, and without a lock")
	require.Zero(t, c.batchers[DefaultQueue][Normal].inFlight, "it is not published")

	h.busy.Store(true)
	_, err = Submit(t.Context(), c, nop, 1)
	require.NoError(t, err)
	require.NoError(t, c.Flush(t.Context()), "it is published")
	require.EqualValues(t, 1, h.taken.Load())
}

// A future leaves the registry before it has its outcome.
func TestNoCancelOfATaskThatTheHostHasStarted(t *testing.T) {
	t.Parallel()
	c, h := withHost(t)
	f, err := Submit(t.Context(), c, nop, 0)
	require.NoError(t, err)
	waits, err := Submit(t.Context(), c, nop, 1)
	require.NoError(t, err)
	p := c.registry.take(0)
	h.started = []uint64{0}

	ok, err := f.Cancel(t.Context())
	require.NoError(t, err)
	require.False(t, ok)
	require.Equal(t, Running, f.State())
	require.Equal(t, []uint64{0}, h.asked)
	h.started = nil
	ok, err = waits.Cancel(t.Context())
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 2, h.released.Load())
	require.True(t, p.outcome(&codec.Outcome{Value: []byte{7}}))
}
