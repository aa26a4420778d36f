package proc

import (
	"bufio"
	"bytes"
	"os"
	"sync"
	"time"
)

// output reads a process's two streams and hands out their lines.
type output struct {
	deliver func(Stream, []byte) // may be nil
	files   []*os.File
	readers sync.WaitGroup

	mu    sync.Mutex // held while a line is delivered
	words lastWords  // of stderr
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
		o.words.add(line)
	}
	if o.deliver != nil {
		o.deliver(stream, line)
	}
}

// finish waits until both streams are read to their end, but not beyond the
// deadline. Then words is final.
func (o *output) finish(deadline time.Time) {
	for _, f := range o.files {
		// An error means that the reader has closed it already.
		_ = f.SetReadDeadline(deadline)
	}
	o.readers.Wait()
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
