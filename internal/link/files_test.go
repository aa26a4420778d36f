package link_test

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/musterfleet/muster/internal/link"
)

// fileOf returns an open file with a content.
func fileOf(t testing.TB, content []byte) *os.File {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	return f
}

func contentOf(t testing.TB, f *os.File) []byte {
	require.NotNil(t, f)
	info, err := f.Stat()
	require.NoError(t, err)
	content := make([]byte, info.Size())
	_, err = f.ReadAt(content, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	return content
}

func TestFilesComeWithTheirFrames(t *testing.T) {
	t.Parallel()
	sizes := []int{0, 5, 300, 64 << 10, 3 << 20}
	a, b := pair(t)
	var all sync.WaitGroup
	defer all.Wait()
	const frames = 100
	files := make([]*os.File, frames) // every third frame has none
	for i := range files {
		if i%3 != 0 {
			files[i] = fileOf(t, random(i, 1+i*10))
		}
	}
	for at, ends := range [][2]*link.Conn{{a, b}, {b, a}} {
		all.Go(func() {
			for i := at; i < frames; i += 2 {
				if err := ends[0].SendWait(link.Kind(i), files[i], bytesOf(random(-i, sizes[i%len(sizes)]))); err != nil {
					t.Errorf("sending: %v", err)
					return
				}
			}
		})
	}
	for at, c := range []*link.Conn{b, a} {
		for i := at; i < frames; i += 2 {
			f, err := c.Receive()
			require.NoError(t, err)
			require.Equal(t, link.Kind(i), f.Kind)
			require.True(t, string(f.Payload) == string(random(-i, sizes[i%len(sizes)])), "frame %d", i)
			if i%3 == 0 {
				require.Nil(t, f.File)
				continue
			}
			require.Equal(t, random(i, 1+i*10), contentOf(t, f.File))
		}
	}
}

func TestReceivedFileIsTheOnlyOneLeft(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	sent := track(t)
	require.NoError(t, a.Send(1, sent.file, bytesOf([]byte("x"))))
	f, err := b.Receive()
	require.NoError(t, err)
	require.Equal(t, "x", string(f.Payload))
	b.Discard()
	sent.requireOpen(t)
	flags, err := unix.FcntlInt(f.File.Fd(), unix.F_GETFD, 0)
	require.NoError(t, err)
	require.NotZero(t, flags&unix.FD_CLOEXEC)
	require.NoError(t, f.File.Close())
	sent.requireClosed(t)
}

// sendFiles writes bytes with files, which are closed here.
func sendFiles(t *testing.T, peer *net.UnixConn, data []byte, files ...tracked) {
	t.Helper()
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.file.Fd())
	}
	_, _, err := peer.WriteMsgUnix(data, syscall.UnixRights(fds...), nil)
	require.NoError(t, err)
	for _, f := range files {
		require.NoError(t, f.file.Close())
	}
}

func TestDiscardClosesFilesThatWereNotReceived(t *testing.T) {
	t.Parallel()
	c, peer := half(t)
	one, two := track(t), track(t)
	sendFiles(t, peer, header(0, 1, 2, 0, 0), one, two)
	requireFrame(t, c, 1, nil)
	one.requireOpen(t)
	two.requireOpen(t)
	c.Discard()
	one.requireClosed(t)
	two.requireClosed(t)
	c.Discard()

	three := track(t)
	sendFiles(t, peer, header(0, 2, 2, 1, 0), three)
	f, err := c.Receive()
	require.NoError(t, err)
	require.NoError(t, f.File.Close())
	three.requireClosed(t)
}

func TestTooManyFilesWithoutFramesEndTheLink(t *testing.T) {
	t.Parallel()
	c, peer := half(t)
	_, err := peer.Write(header(100, 1, 2, 1, 0))
	require.NoError(t, err)
	var files []tracked
	for range 5 {
		files = append(files, track(t))
		sendFiles(t, peer, []byte("x"), files[len(files)-1])
	}
	_, err = c.Receive()
	require.ErrorIs(t, err, link.ErrProtocol)
	c.Discard()
	for _, f := range files {
		f.requireClosed(t)
	}
}

// What comes at once and is too much is closed by the system.
func TestNoFileStaysOfTooManyAtOnce(t *testing.T) {
	t.Parallel()
	c, peer := half(t)
	files := make([]tracked, 100)
	for i := range files {
		files[i] = track(t)
	}
	sendFiles(t, peer, header(0, 1, 1, 1, 0), files...)
	if f, err := c.Receive(); err == nil {
		require.NoError(t, f.File.Close())
	}
	c.Discard()
	for _, f := range files {
		f.requireClosed(t)
	}
}

func TestFilesOfALinkThatFailsAreClosed(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(a, b *link.Conn) error{
		"this end is closed":  func(a, b *link.Conn) error { return a.Close() },
		"the other is closed": func(a, b *link.Conn) error { return b.Close() },
		"the peer does not read": func(a, b *link.Conn) error {
			for a.Send(1, nil, bytesOf(make([]byte, 1<<20))) == nil {
			}
			return a.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := pair(t)
			require.NoError(t, a.Send(1, nil, bytesOf(make([]byte, 1<<20)))) // does not get through
			var files []tracked
			for range 10 {
				f := track(t)
				require.NoError(t, a.Send(1, f.file, bytesOf([]byte("x"))))
				files = append(files, f)
			}
			require.NoError(t, end(a, b))
			for _, f := range files {
				f.requireClosed(t)
			}
			// The link may not know yet that it has failed. It takes the file even so.
			late := track(t)
			_ = a.Send(1, late.file, bytesOf(nil))
			late.requireClosed(t)
		})
	}
}

// Of what is being written, some is on its way, and some waits for that.
func TestFilesThatAreBeingSentAreClosedWhenTheLinkFails(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	payload := random(1, 1<<20)
	require.NoError(t, a.Send(1, nil, bytesOf(payload)))
	var files []tracked
	for range 3 { // these go together
		f := track(t)
		require.NoError(t, a.Send(1, f.file, bytesOf(payload)))
		files = append(files, f)
	}
	requireFrame(t, b, 1, payload)
	f, err := b.Receive()
	require.NoError(t, err)
	require.NoError(t, f.File.Close())
	files[0].requireClosed(t)
	require.NoError(t, a.Close())
	files[2].requireClosed(t)
	require.NoError(t, b.Close())
	b.Discard()
	files[1].requireClosed(t)
}
