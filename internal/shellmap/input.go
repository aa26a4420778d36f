package shellmap

import (
	"errors"
	"io"
	"sync"
)

// partSize is how much is read at a time.
const partSize = 64 << 10

// errStopped is what reading gives once it was stopped.
var errStopped = errors.New("stopped")

// input is a reader that can be stopped while a read is under way, which a file
// as such cannot: it is read on a goroutine of its own, one part ahead. That
// ends with the input, or with the first read that ends after stop.
type input struct {
	parts   chan part
	spare   chan []byte
	stopped chan struct{}
	once    sync.Once

	// The reading goroutine's own.
	last part
	rest []byte
}

// part is what one read gave.
type part struct {
	text []byte
	err  error
}

func newInput(in io.Reader) *input {
	i := &input{parts: make(chan part), spare: make(chan []byte, 2), stopped: make(chan struct{})}
	i.spare <- make([]byte, partSize)
	i.spare <- make([]byte, partSize)
	go i.readAll(in)
	return i
}

// stop has reads give errStopped, also the one that is under way.
func (i *input) stop() { i.once.Do(func() { close(i.stopped) }) }

// isStopped reports whether stop was called.
func (i *input) isStopped() bool {
	select {
	case <-i.stopped:
		return true
	default:
		return false
	}
}

func (i *input) readAll(in io.Reader) {
	for {
		select {
		case buf := <-i.spare:
			n, err := in.Read(buf[:partSize])
			select {
			case i.parts <- part{buf[:n], err}:
			case <-i.stopped:
				return
			}
			if err != nil {
				return
			}
		case <-i.stopped:
			return
		}
	}
}

// Read is io.Reader.
func (i *input) Read(p []byte) (int, error) {
	for len(i.rest) == 0 {
		if i.last.err != nil {
			return 0, i.last.err
		}
		if i.last.text != nil {
			i.spare <- i.last.text
			i.last.text = nil
		}
		select {
		case i.last = <-i.parts:
			i.rest = i.last.text
		case <-i.stopped:
			return 0, errStopped
		}
	}
	n := copy(p, i.rest)
	i.rest = i.rest[n:]
	return n, nil
}
