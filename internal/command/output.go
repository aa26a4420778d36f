package command

import (
	"bytes"
	"io"
	"os"
)

// output takes a command's stdout, up to a bound.
type output struct {
	most int64
	data []byte
	over chan struct{} // closed when there is more
}

func newOutput(most int64) *output { return &output{most: most, over: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	if int64(len(o.data)+len(p)) > o.most {
		close(o.over)
		return 0, io.ErrShortWrite // nobody reads on, and so it is the last write
	}
	o.data = append(o.data, p...)
	return len(p), nil
}

func (o *output) isOver() bool {
	select {
	case <-o.over:
		return true
	default:
		return false
	}
}

// maxWords is how much of a command's stderr its caller learns, in bytes.
const maxWords = 8 << 10

// lastWords keeps the end of a command's stderr.
type lastWords struct {
	data  []byte
	total int
}

func (w *lastWords) Write(p []byte) (int, error) {
	w.total += len(p)
	w.data = append(w.data, p[max(len(p)-maxWords, 0):]...)
	if excess := len(w.data) - maxWords; excess > maxWords { // seldom
		w.data = append(w.data[:0], w.data[excess:]...)
	}
	return len(p), nil
}

// cut returns how many bytes came before the end that is kept.
func (w *lastWords) cut() int { return max(w.total-maxWords, 0) }

func (w *lastWords) String() string {
	end := bytes.ToValidUTF8(w.data[max(len(w.data)-maxWords, 0):], []byte("?"))
	return string(bytes.TrimRight(end, "\n"))
}

// passedOn passes a command's stderr on to this process's.
type passedOn struct {
	to   io.Writer
	open bool // the last line has no end
}

// Write never fails: what cannot be passed on is no reason to hold up the command.
func (o *passedOn) Write(p []byte) (int, error) {
	if len(p) > 0 {
		_, _ = o.to.Write(p)
		o.open = p[len(p)-1] != '\n'
	}
	return len(p), nil
}

// endLine ends the last line, so that the next writer begins one.
func (o *passedOn) endLine() {
	if o.open {
		_, _ = io.WriteString(o.to, "\n")
	}
}

// stream is the reading end of a pipe from a command.
type stream struct {
	*os.File
	done chan struct{} // closed when it ended
	err  *error        // why, then
}

// streamTo makes a pipe, gives its writing end, and copies what is written to w.
func streamTo(w io.Writer) (theirs *os.File, s stream, err error) {
	r, theirs, err := os.Pipe()
	if err != nil {
		return nil, stream{}, err
	}
	s = stream{r, make(chan struct{}), new(error)}
	go func() {
		defer close(s.done)
		_, *s.err = io.Copy(w, r) // ends with the pipe, at the bound, or at the deadline
	}()
	return theirs, s, nil
}
