package shellmap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxItem bounds an item: no nats-server carries more in a message. What the
// broker at hand carries is mostly less, and checked by the client.
const maxItem = 64 << 20

// Item is one item of an input.
type Item struct {
	Text []byte // without what ends it; valid until the next is read
	Err  error  // why it could not be read whole, or nil
	size int    // in the input, in bytes
	open bool   // nothing ends it but the end of the input
}

// items reads items that each end in a byte, such as a newline; the last may
// lack it. It belongs to one goroutine.
type items struct {
	in  *bufio.Reader
	end byte
	buf []byte
}

func newItems(in io.Reader, end byte) *items {
	return &items{in: bufio.NewReaderSize(in, partSize), end: end}
}

// next returns the next item. Its error is io.EOF after the last, errStopped, or
// why the input cannot be read.
func (i *items) next() (Item, error) {
	i.buf = i.buf[:0]
	for size := 0; ; {
		part, err := i.in.ReadSlice(i.end)
		if size += len(part); size <= maxItem {
			i.buf = append(i.buf, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == errStopped:
			return Item{}, err
		case err != nil && err != io.EOF:
			return Item{}, fmt.Errorf("reading input: %w", err)
		case size == 0:
			return Item{}, io.EOF
		case size > maxItem:
			return Item{Err: fmt.Errorf("%d bytes long; no broker carries more than %d", size, maxItem), size: size}, nil
		}
		text, ended := bytes.CutSuffix(i.buf, []byte{i.end})
		return Item{Text: text, size: size, open: !ended}, nil
	}
}
