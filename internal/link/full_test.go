package link_test

import (
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/link"
)

// queued is what may wait for a peer that does not read, and buffered what the system
// and the peer may have beside.
const (
	queued   = 4 << 20
	buffered = 1 << 20
)

func TestSendDoesNotWaitForAPeerThatDoesNotRead(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"small": 1000, "middle": 64 << 10, "large": 3 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := pair(t)
			payload := random(1, size)
			sent := 0
			var err error
			for sent <= 4*queued {
				if err = a.Send(1, nil, bytesOf(payload)); err != nil {
					break
				}
				sent += size
			}
			require.ErrorIs(t, err, link.ErrFull)
			require.GreaterOrEqual(t, sent, queued)
			require.LessOrEqual(t, sent, queued+2*size+buffered)
			require.ErrorIs(t, a.Send(1, nil, bytesOf(nil)), link.ErrFull, "an error is final")
			require.ErrorIs(t, a.SendWait(1, nil, bytesOf(nil)), link.ErrFull, "an error is final")

			// What the link has failed with does not come in pieces.
			require.NoError(t, a.Close())
			for err = nil; err == nil; {
				var f link.Frame
				if f, err = b.Receive(); err == nil {
					require.Equal(t, payload, f.Payload)
				}
			}
			require.True(t, err == io.EOF || err == io.ErrUnexpectedEOF, err)
		})
	}
}

// SendWait waits for the peer, and goes on when it reads: what was sent and has not
// come is bounded all the time.
func TestSendWaitGoesOnWhenThePeerReads(t *testing.T) {
	t.Parallel()
	const size, frames, senders = 256 << 10, 30, 3
	a, b := pair(t)
	payload := random(1, size)
	var sent atomic.Int64
	var all sync.WaitGroup
	defer all.Wait()
	for range senders {
		all.Go(func() {
			for range frames {
				if err := a.SendWait(1, nil, bytesOf(payload)); err != nil {
					t.Errorf("sending: %v", err)
					return
				}
				sent.Add(1)
			}
		})
	}
	// Two queues, as one is written while the other fills, and a frame for each.
	const most = (2*queued + (2+senders)*size + buffered) / size
	for i := range int64(senders * frames) {
		require.LessOrEqual(t, sent.Load()-i, int64(most))
		requireFrame(t, b, 1, payload)
	}
}

func TestSendWaitEndsWhenTheLinkFails(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(a, b *link.Conn) error{
		"this end is closed":  func(a, b *link.Conn) error { return a.Close() },
		"the other is closed": func(a, b *link.Conn) error { return b.Close() },
		"another Send fails":  func(a, b *link.Conn) error { _ = a.Send(1, nil, bytesOf(nil)); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := pair(t)
			for range 2 { // the first is being written, the second is queued
				require.NoError(t, a.Send(1, nil, bytesOf(make([]byte, queued+1))))
			}
			result := make(chan error, 1)
			go func() { result <- a.SendWait(1, nil, bytesOf(nil)) }()
			require.NoError(t, end(a, b))
			require.Error(t, within(t, result))
			require.Error(t, a.Send(1, nil, bytesOf(nil)))
		})
	}
}

func TestSendToAClosedPeerFails(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	require.NoError(t, b.Close())
	require.Error(t, a.Send(1, nil, bytesOf([]byte("x"))))
	f := track(t)
	require.Error(t, a.Send(1, f.file, bytesOf([]byte("x"))))
	f.requireClosed(t)
}

func TestReceiveEndsWhenTheLinkIsClosed(t *testing.T) {
	t.Parallel()
	a, _ := pair(t)
	result := make(chan error, 1)
	go func() {
		_, err := a.Receive()
		result <- err
	}()
	require.NoError(t, a.Close())
	require.Error(t, within(t, result))
}

// A frame that is sent while somebody else writes waits in this process, which may end.
func TestFlushWaitsForWhatWaits(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	require.NoError(t, a.Flush(), "nothing was sent")
	large := random(1, 2<<20)
	require.NoError(t, a.Send(1, nil, bytesOf(large)), "a goroutine writes it")
	require.NoError(t, a.SendWait(2, nil, bytesOf([]byte("last"))))
	result := make(chan error, 1)
	go func() { result <- a.Flush() }()
	select {
	case err := <-result:
		require.Fail(t, "Flush returns while frames wait", "%v", err)
	case <-time.After(50 * time.Millisecond):
	}
	requireFrame(t, b, 1, large)
	require.NoError(t, within(t, result))
	require.NoError(t, a.Close())
	requireFrame(t, b, 2, []byte("last"))
}

func TestFlushEndsWhenTheLinkFails(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	require.NoError(t, a.Send(1, nil, bytesOf(make([]byte, 2<<20))))
	result := make(chan error, 1)
	go func() { result <- a.Flush() }()
	require.NoError(t, b.Close())
	require.Error(t, within(t, result))
	require.Error(t, a.Flush(), "an error is final")
}
