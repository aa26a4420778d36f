package relay

import (
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
)

const (
	// maxPending bounds what waits for a process to read it, in bytes, beside one message.
	maxPending = 32 << 20
	// maxKept is up to how many bytes space is used again.
	maxKept = 1 << 20
)

// output is what waits to be written to a process. It is safe for concurrent use.
type output struct {
	wake chan struct{} // has an element when there is something

	mu      sync.Mutex // nothing else is taken under it
	pending []byte
	spare   []byte // the space of what is being written, or was
	last    bool   // nothing follows
}

// add has something appended to what waits, and reports false if that is too much
// already.
func (o *output) add(appendTo func(dst []byte) []byte) bool {
	o.mu.Lock()
	if o.last {
		o.mu.Unlock()
		return true
	}
	if len(o.pending) > maxPending {
		o.mu.Unlock()
		return false
	}
	o.pending = appendTo(o.pending)
	o.mu.Unlock()
	o.wakeUp()
	return true
}

// finish has nothing follow what waits.
func (o *output) finish() {
	o.mu.Lock()
	o.last = true
	o.mu.Unlock()
	o.wakeUp()
}

func (o *output) wakeUp() {
	select {
	case o.wake <- struct{}{}:
	default: // it is about to be looked at
	}
}

// take takes what waits, which is the caller's until the next call, and reports whether
// nothing follows.
func (o *output) take() (data []byte, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	data = o.pending
	if cap(o.spare) > maxKept {
		o.spare = nil
	}
	o.pending, o.spare = o.spare[:0], data
	return data, o.last
}

// appendMessage appends a message as a NATS server sends it.
func appendMessage(dst []byte, sid string, msg *nats.Msg) []byte {
	var header []byte
	if len(msg.Header) > 0 {
		header = appendHeader(nil, msg.Header)
		dst = append(dst, 'H')
	}
	dst = append(append(append(dst, "MSG "...), msg.Subject...), ' ')
	dst = append(append(dst, sid...), ' ')
	if msg.Reply != "" {
		dst = append(append(dst, msg.Reply...), ' ')
	}
	if header != nil {
		dst = append(strconv.AppendInt(dst, int64(len(header)), 10), ' ')
	}
	dst = append(strconv.AppendInt(dst, int64(len(header)+len(msg.Data)), 10), "\r\n"...)
	return append(append(append(dst, header...), msg.Data...), "\r\n"...)
}

// appendHeader appends a header. A status stands among the fields, where clients look for
// one as well.
func appendHeader(dst []byte, header nats.Header) []byte {
	dst = append(dst, "NATS/1.0\r\n"...)
	for name, values := range header {
		for _, value := range values {
			dst = append(append(dst, name...), ": "...)
			dst = append(append(dst, value...), "\r\n"...)
		}
	}
	return append(dst, "\r\n"...)
}
