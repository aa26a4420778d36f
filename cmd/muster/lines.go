package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxLine bounds a line: no nats-server carries more in a message. What the
// broker at hand carries is mostly less, and checked by the client.
const maxLine = 64 << 20

// lines reads items that each end in a byte, such as a newline; the last may
// lack it. It belongs to one goroutine.
type lines struct {
	in  *bufio.Reader
	end byte
	raw bool
	buf []byte
	err error // why the input ended, unless at its end
}

func newLines(in io.Reader, end byte, raw bool) *lines {
	return &lines{in: bufio.NewReaderSize(in, 64<<10), end: end, raw: raw}
}

// items gives the items, each valid until the next.
func (l *lines) items() iter.Seq[item] {
	return func(yield func(item) bool) {
		for {
			next, ok := l.next()
			if !ok || !yield(next) {
				return
			}
		}
	}
}

func (l *lines) next() (next item, ok bool) {
	l.buf = l.buf[:0]
	for size := 0; ; {
		part, err := l.in.ReadSlice(l.end)
		if size += len(part); size <= maxLine {
			l.buf = append(l.buf, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && err != io.EOF:
			l.err = fmt.Errorf("reading input: %w", err)
			return item{}, false
		case size == 0:
			return item{}, false
		case size > maxLine:
			return item{err: &itemError{fmt.Sprintf("%d bytes long; no broker carries more than %d", size, maxLine)}}, true
		}
		return item{text: bytes.TrimSuffix(l.buf, []byte{l.end}), raw: l.raw}, true
	}
}
