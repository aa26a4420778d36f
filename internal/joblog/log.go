package joblog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/musterfleet/muster/internal/flock"
)

// Log is a job log that is being written. It is not safe for concurrent use.
type Log struct {
	file  *os.File
	empty bool
}

// Create begins the job log at path. Its error wraps ErrExists if there is
// something in the file already, ErrBusy, or why it cannot be written.
func Create(path string) (*Log, error) {
	l, err := open(path)
	if err != nil {
		return nil, err
	}
	switch info, err := l.file.Stat(); {
	case err != nil:
		return nil, l.fail("looking at", err)
	case info.Size() > 0 && info.Mode().IsRegular():
		return nil, l.fail("beginning", ErrExists)
	}
	l.empty = true
	return l, nil
}

// Resume goes on with the job log at path, of calls of the func name, and gives
// what is done. If there is none it begins one. Its error wraps ErrFormat,
// ErrFunc, ErrBusy, or why the file cannot be read or written.
func Resume(path, name string) (*Log, *Done, error) {
	l, err := open(path)
	if err != nil {
		return nil, nil, err
	}
	done, size, err := read(l.file, name)
	if err != nil {
		return nil, nil, l.fail("reading", err)
	}
	if err := l.file.Truncate(size); err != nil { // what is torn
		return nil, nil, l.fail("mending", err)
	}
	l.empty = size == 0
	return l, done, nil
}

// Read returns what is done according to the job log at path, which may be missing,
// and changes nothing. Its error is that of Resume.
func Read(path, name string) (*Done, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return &Done{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening the job log: %w", err)
	}
	defer file.Close()
	done, _, err := read(file, name)
	if err != nil {
		return nil, fmt.Errorf("reading the job log %s: %w", path, err)
	}
	return done, nil
}

func open(path string) (*Log, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fmt.Errorf("opening the job log: %w", err)
	}
	l := &Log{file: file}
	// Where files have no locks, such as on some network file systems, it goes on.
	if err := flock.Lock(file); errors.Is(err, flock.ErrHeld) {
		return nil, l.fail("opening", ErrBusy)
	}
	return l, nil
}

// fail closes the log, and says why.
func (l *Log) fail(doing string, err error) error {
	l.file.Close()
	return fmt.Errorf("%s the job log %s: %w", doing, l.file.Name(), err)
}

// Append writes whole lines, of [Record.Append]. They outlive the process, though
// not the machine.
func (l *Log) Append(lines []byte) error {
	if l.empty {
		l.empty = false
		lines = append([]byte(header), lines...)
	}
	_, err := l.file.Write(lines)
	if err != nil {
		err = fmt.Errorf("writing the job log: %w", err)
	}
	return err
}

// Close closes the log.
func (l *Log) Close() error { return l.file.Close() }

// maxLine bounds a line of a job log; names and what is shown are far shorter.
const maxLine = 64 << 10

// usualLine is how long a line with a short item is.
const usualLine = 64

// read reads a job log, and returns where its last whole line ends.
func read(file *os.File, name string) (done *Done, size int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	done = &Done{entries: make([]entry, 0, info.Size()/usualLine)}
	lines := bufio.NewReaderSize(file, maxLine)
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case err == io.EOF && (number > 1 || len(line) == 0 || bytes.HasPrefix([]byte(header), line)):
			done.sort()
			return done, size, nil
		case err == io.EOF, errors.Is(err, bufio.ErrBufferFull):
			return nil, 0, fmt.Errorf("line %d: %w", number, ErrFormat)
		case err != nil:
			return nil, 0, err
		case number == 1 && string(line) != header:
			return nil, 0, fmt.Errorf("line 1: %w", ErrFormat)
		case number > 1:
			if err := done.add(line[:len(line)-1], name); err != nil {
				return nil, 0, fmt.Errorf("line %d: %w", number, err)
			}
		}
		size += int64(len(line))
	}
}
