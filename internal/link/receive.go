package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// Receive returns the next frame. Its error is io.EOF when the peer has closed the
// link, io.ErrUnexpectedEOF when it did so within a frame, and wraps [ErrProtocol] when
// it does not keep to the protocol.
func (c *Conn) Receive() (Frame, error) {
	if err := c.fill(headerSize); err != nil {
		if len(c.in) > 0 {
			err = unexpected(err)
		}
		return Frame{}, err
	}
	size := int(binary.BigEndian.Uint32(c.in))
	kind, peer, files := Kind(c.in[4]), c.in[5], c.in[6]
	if peer != version || files > 1 || c.in[7] != 0 || size > MaxPayload {
		return Frame{}, fmt.Errorf("%w: kind %d, version %d, %d bytes, %d files", ErrProtocol, kind, peer, size, files)
	}
	f := Frame{Kind: kind}
	if headerSize+size <= len(c.space) {
		if err := c.fill(headerSize + size); err != nil {
			return Frame{}, unexpected(err)
		}
		f.Payload = c.in[headerSize : headerSize+size]
		c.in = c.in[headerSize+size:]
	} else {
		c.in = c.in[headerSize:]
		if err := c.readLarge(size); err != nil {
			return Frame{}, unexpected(err)
		}
		f.Payload = c.large
	}
	if files == 1 {
		if len(c.files) == 0 {
			return Frame{}, fmt.Errorf("%w: a file is missing", ErrProtocol)
		}
		f.File = c.files[0]
		c.files = c.files[1:]
	}
	return f, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fill reads until so many bytes, at most readSize, are there.
func (c *Conn) fill(n int) error {
	if len(c.in) == 0 {
		c.large = nil
		c.in = c.space[:0]
	}
	if n <= len(c.in) {
		return nil
	}
	if cap(c.in) < n {
		c.in = c.space[:copy(c.space, c.in)]
	}
	for len(c.in) < n {
		got, err := c.read(c.in[len(c.in):cap(c.in)])
		if err != nil {
			return err
		}
		c.in = c.in[:len(c.in)+got]
	}
	return nil
}

// readLarge reads a long payload, for which there is space as it comes.
func (c *Conn) readLarge(size int) error {
	c.large = append(make([]byte, 0, min(size, growth)), c.in[:min(size, len(c.in))]...)
	c.in = c.in[len(c.large):]
	for len(c.large) < size {
		if len(c.large) == cap(c.large) {
			c.large = append(make([]byte, 0, min(size, 2*cap(c.large))), c.large...)
		}
		got, err := c.read(c.large[len(c.large):min(size, cap(c.large))])
		if err != nil {
			return err
		}
		c.large = c.large[:len(c.large)+got]
	}
	return nil
}

// read reads bytes, and the files that come with them.
func (c *Conn) read(into []byte) (int, error) {
	n, oobn, _, _, err := c.socket.ReadMsgUnix(into, c.oob)
	if oobn > 0 {
		if err := c.takeFiles(c.oob[:oobn]); err != nil {
			return 0, err
		}
	}
	if errors.Is(err, io.EOF) || err == nil && n == 0 {
		err = io.EOF // not within a net.OpError
	}
	return n, err
}

func (c *Conn) takeFiles(oob []byte) error {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			return fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			_ = syscall.SetNonblock(fd, true) // so that a deadline ends waiting for a pipe
			c.files = append(c.files, os.NewFile(uintptr(fd), "value"))
		}
	}
	if len(c.files) > maxFiles {
		return fmt.Errorf("%w: %d files without frames", ErrProtocol, len(c.files))
	}
	return nil
}

// Discard closes the files that have come and were not received. It belongs after the
// last Receive.
func (c *Conn) Discard() {
	for _, f := range c.files {
		closeFile(f)
	}
	c.files = nil
}
