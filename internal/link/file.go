package link

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/musterfleet/muster/internal/scoreboard"
)

// NewFile returns an open file in memory that holds a value, to be sent.
func NewFile(name string, value []byte) (*os.File, error) {
	f, err := scoreboard.SharedMemory(name, int64(len(value)))
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(value, 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadFile reads a value of at most maxSize bytes from a file that has come, and closes
// it.
func ReadFile(f *os.File, maxSize int64) ([]byte, error) {
	if f == nil {
		return nil, fmt.Errorf("%w: a value came without its file", ErrProtocol)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: a value came as %v", ErrProtocol, info.Mode())
	case info.Size() > maxSize:
		return nil, fmt.Errorf("link: a value of %d bytes; at most %d are taken", info.Size(), maxSize)
	}
	value := make([]byte, info.Size())
	if _, err := f.ReadAt(value, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return value, nil
}

// Close closes the frame's file, if it has one.
func (f Frame) Close() error {
	if f.File == nil {
		return nil
	}
	return f.File.Close()
}
