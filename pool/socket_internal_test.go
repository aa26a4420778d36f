package pool

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// leaveSocket leaves the file of a socket at which nobody listens. Nobody ever did: a
// process that another test is starting could hold a listener open for a moment longer.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}))
	require.NoError(t, syscall.Close(fd))
}

// Of hosts that start at once at the control socket of a dead one, or of one that
// ends meanwhile, a single one has it, and it is reached there.
func TestOneHostTakesTheControlSocketOfAnother(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "muster") // a socket's path must be short
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "socket")
	for range 100 {
		leaveSocket(t, path)
		ends := &Supervisor{cfg: Config{ControlSocket: path}}
		require.NoError(t, ends.listen())
		var all sync.WaitGroup
		all.Go(ends.socket.close)
		hosts := make([]*Supervisor, 4)
		var took atomic.Int32
		for i := range hosts {
			hosts[i] = &Supervisor{cfg: Config{ControlSocket: path}}
			all.Go(func() {
				if hosts[i].listen() == nil {
					took.Add(1)
				}
			})
		}
		all.Wait()
		require.LessOrEqual(t, took.Load(), int32(1)) // none while the old one still answers
		if took.Load() == 1 {
			conn, err := net.Dial("unix", path)
			require.NoError(t, err)
			require.NoError(t, conn.Close())
		}
		for _, h := range hosts {
			h.socket.close()
		}
		require.NoFileExists(t, path)
	}
}
