package link_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/link"
)

// patience is how long something may take that takes no time.
const patience = time.Minute

// sockets returns the two ends of a connection.
func sockets(t testing.TB) (a, b *net.UnixConn) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		syscall.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), "socket")
		c, err := net.FileConn(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		t.Cleanup(func() { _ = c.Close() })
		ends[i] = c.(*net.UnixConn)
	}
	return ends[0], ends[1]
}

// newConn returns an end of a link, where waiting for frames ends some time.
func newConn(t testing.TB, socket net.Conn) *link.Conn {
	c, err := link.New(socket)
	require.NoError(t, err)
	require.NoError(t, c.Socket().SetReadDeadline(time.Now().Add(patience)))
	t.Cleanup(c.Discard)
	return c
}

// pair returns both ends of a link.
func pair(t testing.TB) (a, b *link.Conn) {
	x, y := sockets(t)
	return newConn(t, x), newConn(t, y)
}

// half returns an end of a link, and the socket of a peer that keeps to no rule.
func half(t testing.TB) (*link.Conn, *net.UnixConn) {
	x, y := sockets(t)
	return newConn(t, x), y
}

func bytesOf(payload []byte) func([]byte) []byte {
	return func(dst []byte) []byte { return append(dst, payload...) }
}

// random returns bytes that are the same for the same seed.
func random(seed, size int) []byte {
	data := make([]byte, size)
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], uint64(seed))
	_, _ = rand.NewChaCha8(key).Read(data)
	return data
}

// header returns the header of a frame.
func header(size uint32, kind, version, files, rest byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, size), kind, version, files, rest)
}

// frame returns a frame without a file.
func frame(kind byte, payload []byte) []byte {
	return append(header(uint32(len(payload)), kind, 2, 0, 0), payload...)
}

// requireFrame receives a frame and requires that it is a certain one, without a file.
func requireFrame(t *testing.T, c *link.Conn, kind link.Kind, payload []byte) {
	t.Helper()
	f, err := c.Receive()
	require.NoError(t, err)
	require.Equal(t, kind, f.Kind)
	require.Nil(t, f.File)
	if !bytes.Equal(payload, f.Payload) {
		t.Fatalf("a payload of %d bytes came as another of %d", len(payload), len(f.Payload))
	}
}

// tracked is a file that can tell whether it is open anywhere.
type tracked struct {
	file *os.File // to be sent
	end  *os.File
}

func track(t testing.TB) tracked {
	end, file, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = end.Close()
		_ = file.Close()
	})
	return tracked{file, end}
}

// requireClosed waits until no copy of the file is open.
func (f tracked) requireClosed(t *testing.T) {
	t.Helper()
	require.NoError(t, f.end.SetReadDeadline(time.Now().Add(patience)))
	_, err := f.end.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "it is still open")
}

// requireOpen requires that a copy of the file is open.
func (f tracked) requireOpen(t *testing.T) {
	t.Helper()
	require.NoError(t, f.end.SetReadDeadline(time.Now().Add(time.Millisecond)))
	_, err := f.end.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// within returns what comes, and fails the test when nothing does.
func within(t *testing.T, result <-chan error) error {
	t.Helper()
	select {
	case err := <-result:
		return err
	case <-time.After(patience):
		t.Fatal("it hangs")
		return nil
	}
}
