package objects

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// nowhere is a network in which nobody can be reached.
type nowhere struct{}

func (nowhere) Dial(string, string) (net.Conn, error) { return nil, errors.New("nowhere to go") }

func unconnected(t *testing.T) *Store {
	nc, err := nats.Connect("nats://nowhere:4222", nats.SetCustomDialer(nowhere{}),
		nats.RetryOnFailedConnect(true), nats.ReconnectWait(time.Hour))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return New(nc, slog.New(slog.DiscardHandler))
}

// A value of any size gets over a network of any speed, as long as it moves.
func TestAnAttemptIsBoundedByItsProgress(t *testing.T) {
	s := unconnected(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		v, err := patiently(t.Context(), s, func(ctx context.Context, p *progress) (int, error) {
			for range 20 {
				time.Sleep(patience - time.Second)
				p.moved()
			}
			return 7, ctx.Err()
		})
		require.NoError(t, err)
		require.Equal(t, 7, v)
		require.Equal(t, 20*(patience-time.Second), time.Since(began))
	})
}

func TestAnAttemptThatStallsEnds(t *testing.T) {
	s := unconnected(t)
	synctest.Test(t, func(t *testing.T) {
		began, tries := time.Now(), 0
		_, err := patiently(t.Context(), s, func(ctx context.Context, p *progress) (int, error) {
			tries++
			time.Sleep(patience / 2)
			p.moved()
			<-ctx.Done()
			return 0, ctx.Err()
		})
		require.ErrorIs(t, err, errStalled)
		require.Equal(t, 1, tries)
		require.Equal(t, patience+patience/2, time.Since(began))
	})
}

// The one that a value comes from, or goes to, may take as long as it likes.
func TestAPauseIsNoStall(t *testing.T) {
	s := unconnected(t)
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		v, err := patiently(t.Context(), s, func(ctx context.Context, p *progress) (int, error) {
			tries++
			p.pause()
			time.Sleep(10 * patience)
			p.moved()
			if tries == 1 {
				return 0, errors.New("the broker restarts")
			}
			return 7, ctx.Err()
		})
		require.NoError(t, err, "it is tried again, since it has just moved")
		require.Equal(t, 7, v)
		require.Equal(t, 2, tries)
	})
}
