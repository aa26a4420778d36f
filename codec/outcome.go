package codec

import (
	"encoding/binary"
	"time"
	"unicode/utf8"
)

// Outcome is what one task came to: a value, or a failure.
type Outcome struct {
	N       uint64        // the client's number for the task
	Value   []byte        // encoded result, if Failure is nil
	Failure *Failure      // how the task failed, or nil
	Object  string        // name of the object that holds the encoded result, if that is too large for a message
	Run     time.Duration // how long the handler ran; microseconds on the wire
}

// Status of an outcome on the wire.
const (
	statusValue   = 0
	statusFailure = 1
	statusObject  = 2
)

// AppendOutcome appends an outcome as it stands within a message.
func AppendOutcome(dst []byte, o *Outcome) []byte {
	dst = appendArrayLen(dst, 4)
	dst = appendUint(dst, o.N)
	dst = appendUint(dst, uint64(max(o.Run, 0)/time.Microsecond))
	switch {
	case o.Failure != nil:
		dst = appendUint(dst, statusFailure)
		return appendBin(dst, o.Failure.append(nil))
	case o.Object != "":
		dst = appendUint(dst, statusObject)
		return appendBin(dst, []byte(o.Object))
	}
	dst = appendUint(dst, statusValue)
	return appendBin(dst, o.Value)
}

// outcome reads one outcome. A failure that does not read harms only itself: it
// is a failure all the same, which says so.
func (r *reader) outcome() (o Outcome) {
	n := r.array()
	if r.err == nil && n < 4 {
		r.fail("outcome of fewer than four elements")
	}
	o.N = r.uint()
	o.Run = time.Duration(min(r.uint(), uint64(maxRun/time.Microsecond))) * time.Microsecond
	status := r.uint()
	body := r.bin()
	r.skipAll(n - 4)
	switch {
	case r.err != nil:
	case status == statusValue:
		o.Value = body
	case status == statusObject && len(body) > 0 && len(body) <= MaxName && utf8.Valid(body):
		o.Object = string(body)
	default:
		o.Failure = readFailure(body)
	}
	return o
}

// maxRun is the longest run time on the wire.
const maxRun = MaxLimit

// Outcomes is a message of several outcomes for one client. It is not safe for
// concurrent use.
type Outcomes struct {
	Client string
	List   []Outcome // what Decode read; values refer to the bytes it was given
}

// minOutcome is the shortest that an encoded outcome can be, in bytes.
const minOutcome = 6

// Decode reads a message of outcomes into o, reusing its space. The values
// refer to data. Its error wraps [ErrMalformed] or [ErrVersion].
func (o *Outcomes) Decode(data []byte) error {
	before := o.List
	o.Client, o.List = "", o.List[:0]
	r := reader{data: data}
	extra := r.envelope(kindOutcomes, 2)
	if client := r.str(); r.err == nil && !validClient(string(client)) {
		r.fail("invalid client name")
	} else {
		o.Client = string(client)
	}
	n := r.array()
	if n > MaxTasks {
		r.fail("too many outcomes")
	}
	if most := min(n, r.left()/minOutcome); cap(o.List) < most {
		o.List = make([]Outcome, 0, most)
	}
	for ; n > 0 && r.err == nil; n-- {
		o.List = append(o.List, r.outcome())
	}
	err := r.close(extra)
	if err != nil {
		clear(o.List)
		o.Client, o.List = "", o.List[:0]
	}
	if len(before) > len(o.List) {
		clear(before[len(o.List):]) // they hold the message before in memory
	}
	return err
}

// OutcomesBuilder encodes outcomes for one client into one message. It is not
// safe for concurrent use.
type OutcomesBuilder struct {
	buf      []byte
	outcomes int
	count    int // where the number of outcomes stands in buf
}

// NewOutcomes begins a message of outcomes for a client, in buf's space if it
// has any.
func NewOutcomes(client string, buf []byte) *OutcomesBuilder {
	buf = appendEnvelope(buf[:0], kindOutcomes, 2)
	buf = appendString(buf, client)
	buf = appendArray32(buf)
	return &OutcomesBuilder{buf: buf, count: len(buf) - 4}
}

// Add encodes an outcome into the message. A message of more than [MaxTasks]
// outcomes is refused by its reader.
func (b *OutcomesBuilder) Add(o *Outcome) {
	b.buf = AppendOutcome(b.buf, o)
	b.outcomes++
}

// Len returns the number of outcomes so far.
func (b *OutcomesBuilder) Len() int { return b.outcomes }

// Size returns the encoded length so far, in bytes.
func (b *OutcomesBuilder) Size() int { return len(b.buf) }

// Bytes returns the encoded message, which shares the builder's space.
func (b *OutcomesBuilder) Bytes() []byte {
	binary.BigEndian.PutUint32(b.buf[b.count:], uint32(b.outcomes))
	return b.buf
}
