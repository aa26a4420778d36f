package proc

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// wordsSize is how much of stderr an Exit keeps, in bytes.
	wordsSize = 8 << 10
	// reportSize is how much of that the beginning of a crash report may take.
	reportSize = wordsSize / 2
	// noteSize is room for the line that tells how much was left out.
	noteSize = 64
)

// lastWords keeps of a stream what tells most about its end: its last lines, and
// before them the beginning of Go's crash report, if that lies further back. It
// is there that the report says what happened and to which goroutine.
type lastWords struct {
	length int64 // bytes added, ever
	tail   tail
	report crashReport
}

func (w *lastWords) add(line []byte) {
	line = bytes.ToValidUTF8(line, []byte("\uFFFD"))
	w.report.add(line, w.length)
	w.tail.add(line)
	w.length += int64(len(line)) + 1
}

// String returns at most wordsSize bytes of valid UTF-8.
func (w *lastWords) String() string {
	end := w.tail.last(wordsSize)
	if !w.report.begun() || w.report.at >= w.length-int64(len(end)) {
		return strings.TrimSuffix(string(end), "\n")
	}
	end = w.tail.last(wordsSize - reportSize - noteSize)
	head := w.report.text
	left := w.length - int64(len(end)) - (w.report.at + int64(len(head)))
	return fmt.Sprintf("%s[%d bytes left out]\n%s", head, left, strings.TrimSuffix(string(end), "\n"))
}

// tail keeps the last whole lines of a stream. Of a single longer line it keeps
// the end.
type tail struct{ text []byte }

func (t *tail) add(line []byte) {
	t.text = append(append(t.text, line...), '\n')
	if len(t.text) > 2*wordsSize { // seldom, so that most lines move nothing
		t.text = t.text[:copy(t.text, t.last(wordsSize))]
	}
}

// last returns at most size bytes.
func (t *tail) last(size int) []byte {
	excess := len(t.text) - size
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
