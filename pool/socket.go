package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/flock"
)

const (
	// maxConversations is how many programs may use the control socket at once;
	// others wait to be accepted.
	maxConversations = 8
	// conversationTimeout bounds one request with its answer.
	conversationTimeout = 5 * time.Second
	// lockInterval is how often a host looks whether another has ended its start.
	lockInterval = 5 * time.Millisecond
	socketMode   = 0o600
)

// controlSocket is a Unix socket at which a host is asked: one JSON object in, one
// out, and it closes. A nil socket is none.
type controlSocket struct {
	listener *net.UnixListener
	file     os.FileInfo // to know the file that is ours
	closing  chan struct{}
	all      sync.WaitGroup
}

// listen makes the control socket, if there is to be one. The file of a host that
// is gone is replaced, that of one that answers is not.
func (s *Supervisor) listen() error {
	path := s.cfg.ControlSocket
	if path == "" {
		return nil
	}
	unlock, err := lockSocket(path)
	if err != nil {
		return fmt.Errorf("%w %s: %w", ErrSocket, path, err)
	}
	defer unlock()
	if err := removeStale(path); err != nil {
		return fmt.Errorf("%w %s: %w", ErrSocket, path, err)
	}
	// Linux takes the file's mode from the socket, so that there is no moment in
	// which others could connect. Elsewhere the mode is set a moment later.
	private := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), socketMode) })
	}}
	l, err := private.Listen(context.Background(), "unix", path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSocket, err)
	}
	listener := l.(*net.UnixListener)
	listener.SetUnlinkOnClose(false) // it could be another's by then
	file, err := os.Lstat(path)
	if err = errors.Join(err, os.Chmod(path, socketMode)); err != nil {
		return fmt.Errorf("%w: %w", ErrSocket, errors.Join(err, listener.Close()))
	}
	s.socket = &controlSocket{listener: listener, file: file, closing: make(chan struct{})}
	return nil
}

// lockSocket keeps other hosts from replacing the file of a socket until unlock is
// called. It is the directory that is locked, so that no file stays. A file
// system without locks has none.
func lockSocket(path string) (unlock func(), err error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil { // such as one that may be used but not listed
		return func() {}, nil
	}
	for deadline := time.Now().Add(conversationTimeout); errors.Is(flock.Lock(dir), flock.ErrHeld); {
		if time.Now().After(deadline) {
			return nil, errors.Join(errors.New("its directory is locked by another program"), dir.Close())
		}
		time.Sleep(lockInterval)
	}
	return func() { dir.Close() }, nil
}

func removeStale(path string) error {
	file, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case file.Mode().Type() != fs.ModeSocket:
		return errors.New("there is a file that is no socket")
	}
	conn, err := net.DialTimeout("unix", path, conversationTimeout)
	if err == nil {
		return errors.Join(errors.New("another host listens there"), conn.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// serve answers until the socket is closed.
func (c *controlSocket) serve(answer func([]byte) []byte) {
	if c == nil {
		return
	}
	turn := make(chan struct{}, maxConversations)
	c.all.Go(func() {
		for {
			select {
			case turn <- struct{}{}:
			case <-c.closing:
				return
			}
			conn, err := c.listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // such as too many open files
				<-turn
				select {
				case <-time.After(conversationTimeout / maxConversations):
				case <-c.closing:
				}
				continue
			}
			c.all.Go(func() {
				defer func() { <-turn }()
				c.converse(conn, answer)
			})
		}
	})
}

// converse reads one request and answers it. The other end need not close its
// side: the object's end ends the request.
func (c *controlSocket) converse(conn net.Conn, answer func([]byte) []byte) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(conversationTimeout))
	hung := make(chan struct{})
	defer close(hung)
	c.all.Go(func() {
		select {
		case <-c.closing: // so that nobody is waited for who says nothing
			_ = conn.SetReadDeadline(time.Now())
		case <-hung:
		}
	})
	var request json.RawMessage
	if err := json.NewDecoder(io.LimitReader(conn, codec.MaxControlRequest+1)).Decode(&request); err != nil {
		request = nil // which is answered as what it is: no request
	}
	_, _ = conn.Write(append(answer(request), '\n')) // who is gone needs no answer
}

// close ends every conversation and removes the file if it is still ours: while there
// is a listener, no other host takes the file for that of a dead one, and no other file
// has its identity.
func (c *controlSocket) close() {
	if c == nil {
		return
	}
	close(c.closing)
	path := c.listener.Addr().String()
	if file, err := os.Lstat(path); err == nil && os.SameFile(file, c.file) {
		_ = os.Remove(path)
	}
	_ = c.listener.Close()
	c.all.Wait()
}
