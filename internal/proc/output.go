package proc

import (
	"bufio"
	"bytes"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// tailSize is how much of stderr an Exit keeps.
const tailSize = 8 << 10

// output reads a process's two streams and hands out their lines.
type output struct {
	deliver func(Stream, []byte) // may be nil
	files   []*os.File
	readers sync.WaitGroup

	mu   sync.Mutex // held while a line is delivered
	tail tail
}

// read begins to read f, which must support deadlines, and owns it.
func (o *output) read(stream Stream, f *os.File) {
	o.files = append(o.files, f)
	o.readers.Go(func() {
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, MaxLine+1) // grows to this only for a line that long
		lines.Split(splitLine)
		for lines.Scan() {
			o.line(stream, lines.Bytes())
		}
	})
}

func (o *output) line(stream Stream, line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if stream == Stderr {
		o.tail.add(line)
	}
	if o.deliver != nil {
		o.deliver(stream, line)
	}
}

// finish waits until both streams are read to their end, but not beyond the
// deadline, and returns the end of stderr.
func (o *output) finish(deadline time.Time) string {
	for _, f := range o.files {
		// An error means that the reader has closed it already.
		_ = f.SetReadDeadline(deadline)
	}
	o.readers.Wait()
	return o.tail.String()
}

// splitLine is a bufio.SplitFunc for lines that cuts longer ones than MaxLine
// into pieces.
func splitLine(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if len(data) > MaxLine {
		return MaxLine, data[:MaxLine], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// tail keeps the last whole lines of a stream, at most tailSize bytes of them.
// Of a single longer line it keeps the end.
type tail struct{ text []byte }

func (t *tail) add(line []byte) {
	t.text = append(t.text, bytes.ToValidUTF8(line, []byte("\uFFFD"))...)
	t.text = append(t.text, '\n')
	if len(t.text) > 2*tailSize { // seldom, so that most lines move nothing
		t.text = t.text[:copy(t.text, t.last())]
	}
}

func (t *tail) String() string { return strings.TrimSuffix(string(t.last()), "\n") }

func (t *tail) last() []byte {
	excess := len(t.text) - tailSize
	if excess <= 0 {
		return t.text
	}
	// A cut right behind a newline leaves whole lines already.
	if i := bytes.IndexByte(t.text[excess-1:], '\n'); i >= 0 && excess+i < len(t.text) {
		return t.text[excess+i:]
	}
	for !utf8.RuneStart(t.text[excess]) {
		excess++
	}
	return t.text[excess:]
}
