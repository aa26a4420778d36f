package chaos

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wire is a line to a listener, and a connection over it.
func wire(t *testing.T) (l *line, near, far net.Conn) {
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l, err = newLine("test", backend.Addr().String())
	require.NoError(t, err)
	near, err = net.Dial("tcp", l.address())
	require.NoError(t, err)
	far, err = backend.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		l.close()
		near.Close()
		far.Close()
		backend.Close()
	})
	deadline := time.Now().Add(30 * time.Second)
	require.NoError(t, near.SetDeadline(deadline))
	require.NoError(t, far.SetDeadline(deadline))
	requirePassed(t, near, far)
	requirePassed(t, far, near)
	return l, near, far
}

func requirePassed(t *testing.T, from, to net.Conn) {
	t.Helper()
	_, err := from.Write([]byte{1})
	require.NoError(t, err)
	_, err = io.ReadFull(to, make([]byte, 1))
	require.NoError(t, err)
}

func requireEnded(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := conn.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestCutLineEndsBothEnds(t *testing.T) {
	t.Parallel()
	l, near, far := wire(t)
	l.cut()
	requireEnded(t, near)
	requireEnded(t, far)
	again, err := net.Dial("tcp", l.address())
	require.NoError(t, err)
	defer again.Close()
	require.NoError(t, again.SetDeadline(time.Now().Add(30*time.Second)))
	requireEnded(t, again)
}

func TestHalfOpenLine(t *testing.T) {
	t.Parallel()
	for _, nearGoes := range []bool{true, false} {
		l, near, far := wire(t)
		gone, stays := far, near
		if nearGoes {
			gone, stays = near, far
		}
		end := l.halve(nearGoes)
		requireEnded(t, gone)
		for range 100 { // it does not know
			_, err := stays.Write(make([]byte, 1<<10))
			require.NoError(t, err)
		}
		require.NoError(t, stays.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		_, err := stays.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, stays.SetReadDeadline(time.Now().Add(30*time.Second)))
		end()
		requireEnded(t, stays)
	}
}
