package pool

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// notifySocket makes the socket of a service manager, which reads when it is told to.
func notifySocket(t *testing.T) (socket int) {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // the path of a socket must be short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	path := filepath.Join(dir, "s")
	socket, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Close(socket)) })
	require.NoError(t, unix.Bind(socket, &unix.SockaddrUnix{Name: path}))
	t.Setenv("NOTIFY_SOCKET", path)
	return socket
}

// heard returns what waits to be read.
func heard(t *testing.T, socket int) (messages []string) {
	t.Helper()
	for space := make([]byte, 1<<10); ; {
		n, err := unix.Read(socket, space)
		if err == unix.EAGAIN {
			return messages
		}
		require.NoError(t, err)
		messages = append(messages, string(space[:n]))
	}
}

func TestWatchdogHearsNothingOfAnUnhealthyHost(t *testing.T) {
	socket := notifySocket(t)
	t.Setenv("WATCHDOG_USEC", "2000000")
	synctest.Test(t, func(t *testing.T) {
		n := newNotices(slog.New(slog.DiscardHandler))
		defer n.close()
		after := func(d time.Duration) []string {
			time.Sleep(d)
			synctest.Wait()
			return heard(t, socket)
		}
		life := "WATCHDOG=1"
		require.Equal(t, []string{life, life}, after(1500*time.Millisecond), "no host yet")
		s := &Supervisor{unready: maxUnready - 1}
		n.host.Store(s)
		require.Equal(t, []string{life}, after(time.Second))
		s.mu.Lock()
		s.unready = maxUnready
		s.mu.Unlock()
		require.Empty(t, after(10*time.Second))
		s.noteReady(nil)
		require.Equal(t, []string{life}, after(time.Second))
	})
}

func TestServiceManagerThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	socket := notifySocket(t)
	full := func() error {
		sender, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		defer func() { require.NoError(t, unix.Close(sender)) }()
		for err == nil {
			err = unix.Sendto(sender, []byte("x"), 0, &unix.SockaddrUnix{Name: os.Getenv("NOTIFY_SOCKET")})
		}
		return err
	}
	require.Equal(t, unix.EAGAIN, full())
	require.ErrorIs(t, notify("READY=1"), os.ErrDeadlineExceeded)
	require.NotContains(t, heard(t, socket), "READY=1")
	require.NoError(t, notify("READY=1"))
	require.Equal(t, []string{"READY=1"}, heard(t, socket))
}
