// Package link is the connection between a supervisor and one of its worker
// processes: frames over a pair of Unix sockets, some of which carry an open file.
// Both ends are of the same program, but neither believes the other: what does not
// read ends the connection, and with it the process.
package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

// A frame is a header of eight bytes and a payload:
//
//	0  length of the payload, big-endian
//	4  kind
//	5  version of this protocol
//	6  1 if an open file comes with it, else 0
//	7  0
const (
	headerSize = 8
	version    = 2
	// MaxPayload bounds a payload, in bytes. The broker carries no message that would
	// need more.
	MaxPayload = 72 << 20
	// maxQueued bounds what waits for a peer that does not read, beside one frame.
	maxQueued = 4 << 20
	// readSize is how much is read at once. Longer payloads have space of their own.
	readSize = 64 << 10
	// maxFiles bounds the files that have come and whose frames have not.
	maxFiles = 4
	// growth bounds how much space a payload gets before it has come.
	growth = 1 << 20
)

// Errors of a connection. Each is final.
var (
	// ErrProtocol is wrapped by Receive when the peer does not keep to the protocol.
	ErrProtocol = errors.New("link: protocol error")
	// ErrFull is returned by Send when the peer does not read.
	ErrFull = errors.New("link: the peer does not read")
)

// Kind says what a frame is.
type Kind byte

// Frame is a frame that was received. Payload is valid until the next Receive; the
// file, nil for none, is the caller's to close.
type Frame struct {
	Kind    Kind
	Payload []byte
	File    *os.File
}

// Close closes the frame's file, if it has one.
func (f Frame) Close() error {
	if f.File == nil {
		return nil
	}
	return f.File.Close()
}

// Conn is one end of a link. Send is safe for concurrent use, and beside Receive,
// which one goroutine calls.
type Conn struct {
	socket *net.UnixConn
	raw    syscall.RawConn

	// Of Receive:
	in    []byte // read and not consumed
	space []byte // that in is in
	large []byte // for a payload that does not fit there
	files []*os.File
	oob   []byte

	mu      sync.Mutex
	room    sync.Cond // there is room again, all is written, or the link has failed
	out     []segment // wait to be written, after what is being written
	queued  int       // bytes of out
	spare   []byte    // space of a segment that was written
	sending bool      // somebody writes
	failed  error
}

// segment is frames, of which the first may come with a file.
type segment struct {
	data []byte
	file *os.File
}

// New makes an end of a link of a connected Unix socket, which belongs to it.
func New(socket net.Conn) (*Conn, error) {
	unix, ok := socket.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("link: a %T is no Unix socket", socket)
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	c := &Conn{
		socket: unix, raw: raw, space: make([]byte, readSize),
		oob: make([]byte, syscall.CmsgSpace(4*maxFiles)),
	}
	c.room.L = &c.mu
	return c, nil
}

// Close ends the link for both ends.
func (c *Conn) Close() error { return c.socket.Close() }

// Socket returns the socket below, to set deadlines for reading.
func (c *Conn) Socket() *net.UnixConn { return c.socket }

// Send sends a frame whose payload add appends, with a file unless that is nil, which
// then belongs to the link. It does not wait for the peer: what the socket does not
// take at once is written by a goroutine. After an error the link is of no use.
func (c *Conn) Send(kind Kind, file *os.File, add func(dst []byte) []byte) error {
	return c.send(kind, file, add, false)
}

// SendWait is Send that waits while much is queued, however long the peer takes.
func (c *Conn) SendWait(kind Kind, file *os.File, add func(dst []byte) []byte) error {
	return c.send(kind, file, add, true)
}

// Flush waits until the peer's socket has taken all that was sent, whoever is writing it.
// A process that ends does so first: what waits to be written ends with it.
func (c *Conn) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.sending && c.failed == nil {
		c.room.Wait()
	}
	return c.failed
}

func (c *Conn) send(kind Kind, file *os.File, add func(dst []byte) []byte, wait bool) error {
	c.mu.Lock()
	for wait && c.queued > maxQueued && c.failed == nil {
		c.room.Wait()
	}
	if c.failed == nil && c.queued > maxQueued {
		c.failLocked(ErrFull)
	}
	if err := c.failed; err != nil {
		c.mu.Unlock()
		closeFile(file)
		return err
	}
	if last := len(c.out) - 1; file != nil || last < 0 {
		c.out = append(c.out, segment{c.spare, file})
		c.spare = nil
	}
	last := &c.out[len(c.out)-1]
	start := len(last.data)
	last.data = add(append(last.data, 0, 0, 0, 0, byte(kind), version, 0, 0))
	frame := last.data[start:]
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-headerSize))
	if file != nil {
		frame[6] = 1
	}
	c.queued += len(frame)
	if c.sending {
		c.mu.Unlock()
		return nil
	}
	c.sending = true
	all := c.take()
	c.mu.Unlock()
	return c.write(all)
}

// take takes what is queued; c.mu is held.
func (c *Conn) take() []segment {
	all := c.out
	c.out, c.queued = nil, 0
	return all
}

// write writes what the socket takes at once, and leaves the rest to a goroutine.
func (c *Conn) write(all []segment) error {
	if len(all) > 1 || all[0].file != nil {
		go c.writeOut(all)
		return nil
	}
	data := all[0].data
	written, err := c.writeSome(data)
	if err != nil {
		return c.fail(err)
	}
	if written < len(data) {
		all[0].data = data[written:]
		go c.writeOut(all)
		return nil
	}
	if next := c.written(data); next != nil {
		go c.writeOut(next)
	}
	return nil
}

// writeSome writes what the socket takes at once.
func (c *Conn) writeSome(data []byte) (written int, err error) {
	var failed error
	err = c.raw.Write(func(fd uintptr) bool {
		for written < len(data) {
			n, err := syscall.Write(int(fd), data[written:])
			switch {
			case errors.Is(err, syscall.EINTR):
				continue
			case errors.Is(err, syscall.EAGAIN):
				return true
			case err != nil:
				failed = err
				return true
			}
			written += n
		}
		return true
	})
	return written, errors.Join(err, failed)
}

// written notes that a segment has been written, and returns what was queued
// meanwhile, nil for nothing.
func (c *Conn) written(space []byte) []segment {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cap(space) <= maxQueued/8 {
		c.spare = space[:0]
	}
	c.room.Broadcast()
	if len(c.out) == 0 {
		c.sending = false
		return nil
	}
	return c.take()
}

// writeOut writes segments, and what is queued meanwhile, however long that takes.
func (c *Conn) writeOut(all []segment) {
	for all != nil {
		for i := range all {
			if err := c.writeWhole(&all[i]); err != nil {
				for _, s := range all[i:] {
					closeFile(s.file)
				}
				_ = c.fail(err)
				return
			}
		}
		all = c.written(nil)
	}
}

func (c *Conn) writeWhole(s *segment) error {
	data := s.data
	if s.file != nil {
		n, _, err := c.socket.WriteMsgUnix(data, syscall.UnixRights(int(s.file.Fd())), nil)
		if err != nil {
			return err
		}
		data = data[n:]
		closeFile(s.file)
		s.file = nil
	}
	_, err := c.socket.Write(data)
	return err
}

func closeFile(f *os.File) {
	if f != nil {
		_ = f.Close() // it holds nothing that could be lost
	}
}

// fail ends the sending side with an error, and returns the first there was.
func (c *Conn) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failLocked(fmt.Errorf("link: sending: %w", err))
	return c.failed
}

func (c *Conn) failLocked(err error) {
	if c.failed == nil {
		c.failed = err
	}
	for _, s := range c.out {
		closeFile(s.file)
	}
	c.take()
	c.room.Broadcast()
}
