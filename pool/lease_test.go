package pool

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/broker"
)

// fakeBroker confirms renewals when it is told to.
type fakeBroker struct {
	*leases
	said    bytes.Buffer
	replies []string // to renewals not yet confirmed
}

func newFakeBroker() *fakeBroker {
	b := &fakeBroker{}
	b.leases = newLeases("inbox", slog.New(slog.NewTextHandler(&b.said, nil)), func(ack, reply string) error {
		b.replies = append(b.replies, reply)
		return nil
	})
	return b
}

// held returns deliveries that came at a time, unless they are known.
func held(came time.Time, acks ...string) map[string]time.Time {
	all := map[string]time.Time{}
	for _, ack := range acks {
		all[ack] = came
	}
	return all
}

func (b *fakeBroker) confirmAll() {
	for _, reply := range b.replies {
		b.confirm(reply)
	}
	b.replies = nil
}

func (b *fakeBroker) warned() int { return strings.Count(b.said.String(), "level=WARN") }
func (b *fakeBroker) eased() int  { return strings.Count(b.said.String(), "level=INFO") }

func TestLeasesConfirmed(t *testing.T) {
	t.Parallel()
	b, now := newFakeBroker(), time.Now()
	for range 100 {
		b.renew(held(now, "$JS.ACK.a", "$JS.ACK.b"), now)
		require.Len(t, b.replies, 2, "one message for each delivery")
		b.confirmAll()
		now = now.Add(renewEvery)
	}
	require.Empty(t, b.said.String())
	b.renew(nil, now)
	require.Empty(t, b.confirmed)
}

func TestLeasesLostAndFoundAreToldOnce(t *testing.T) {
	t.Parallel()
	b, now := newFakeBroker(), time.Now()
	b.renew(held(now, "$JS.ACK.a", "$JS.ACK.b"), now)
	b.confirmAll()
	cut := now
	for now.Sub(cut) < 10*broker.Lease {
		now = now.Add(renewEvery)
		b.renew(held(now, "$JS.ACK.a", "$JS.ACK.b"), now)
		if now.Sub(cut) <= broker.Lease {
			require.Zero(t, b.warned(), "the lease stands")
		}
	}
	require.Equal(t, 1, b.warned(), b.said.String())
	require.Contains(t, b.said.String(), "deliveries=2")

	// What was confirmed long ago, and is heard of only now, says nothing.
	b.confirm(b.replies[0])
	require.Zero(t, b.eased())
	last := b.replies[len(b.replies)-2:]
	b.confirm(last[0])
	require.Zero(t, b.eased(), "one of two stands")
	b.confirm(last[1])
	require.Equal(t, 1, b.eased())

	now = now.Add(renewEvery)
	b.renew(held(now, "$JS.ACK.a", "$JS.ACK.b"), now)
	b.confirmAll()
	require.Equal(t, 1, b.warned())
	require.Equal(t, 1, b.eased())
}

// A host that was frozen did not renew either.
func TestLeasesAfterAFreeze(t *testing.T) {
	t.Parallel()
	b, now := newFakeBroker(), time.Now()
	b.renew(held(now, "$JS.ACK.a"), now)
	b.confirmAll()
	b.renew(held(now.Add(time.Minute), "$JS.ACK.a", "$JS.ACK.new"), now.Add(time.Minute))
	require.Equal(t, 1, b.warned())
	require.Contains(t, b.said.String(), "deliveries=1")
	b.confirmAll()
	require.Equal(t, 1, b.eased())

	// It may have been so before it first renewed.
	b, now = newFakeBroker(), time.Now()
	b.renew(map[string]time.Time{"$JS.ACK.a": now.Add(-time.Second)}, now)
	require.Zero(t, b.warned())
	b.renew(map[string]time.Time{"$JS.ACK.b": now.Add(-time.Minute)}, now)
	require.Equal(t, 1, b.warned())
}

// What is done with is not confirmed any more, and need not be.
func TestLeasesOfWhatIsDone(t *testing.T) {
	t.Parallel()
	b, now := newFakeBroker(), time.Now()
	b.renew(held(now, "$JS.ACK.a", "$JS.ACK.b"), now)
	now = now.Add(2 * broker.Lease)
	b.renew(held(now, "$JS.ACK.a", "$JS.ACK.b"), now)
	require.Equal(t, 1, b.warned())
	b.renew(held(now, "$JS.ACK.b"), now.Add(renewEvery))
	b.confirmAll()
	require.Equal(t, 1, b.eased())
	b.confirm("inbox.nonsense")
	b.confirm("inbox.!.$JS.ACK.b")
}
