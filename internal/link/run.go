package link

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Kinds of frames. Orders and reports are JSON, see package pool; the rest is binary.
const (
	KindOrder    Kind = 1 // from the supervisor
	KindReport   Kind = 2 // to the supervisor
	KindRun      Kind = 3 // tasks, from the supervisor
	KindOutcomes Kind = 4 // of a run, to the supervisor
	KindFetch    Kind = 5 // asks for the argument of the running task
	KindStore    Kind = 6 // asks to store its result
	KindValue    Kind = 7 // answers a fetch or a store
)

// Run is tasks that the supervisor hands to a process at once, to be run one after
// the other.
type Run struct {
	ID      uint64 // of the run, from 1, at the process
	Message uint64 // number of the message in its stream that the tasks came with
	Queue   int    // of the host's, by number; at most 255
	Stored  time.Time
	Batch   []byte // a codec.Batch
}

const runHeader = 25

// AppendRun appends a run whose batch add appends.
func AppendRun(dst []byte, r *Run, add func(dst []byte) []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, r.ID)
	dst = binary.BigEndian.AppendUint64(dst, r.Message)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Stored.UnixNano()))
	return add(append(dst, byte(r.Queue)))
}

// ReadRun reads a run, whose batch refers to data.
func ReadRun(data []byte) (Run, error) {
	if len(data) < runHeader {
		return Run{}, fmt.Errorf("%w: a run of %d bytes", ErrProtocol, len(data))
	}
	return Run{
		ID: binary.BigEndian.Uint64(data), Message: binary.BigEndian.Uint64(data[8:]),
		Stored: time.Unix(0, int64(binary.BigEndian.Uint64(data[16:]))), Queue: int(data[24]), Batch: data[runHeader:],
	}, nil
}

// Status says what a task has come to.
type Status byte

// What a task can come to.
const (
	StatusValue   Status = 0
	StatusFailure Status = 1 // the body is the failure
	StatusFinal   Status = 2 // a failure after which no other attempt is made
	StatusObject  Status = 3 // the body is the name of the object that holds the value
)

// Outcome is what one task of a run has come to, in the order of the run.
type Outcome struct {
	Status  Status
	Started time.Time
	Run     time.Duration
	Body    []byte
}

// maxSpan bounds times within a frame, so that sums of them do not overflow.
const maxSpan = uint64(10 * 365 * 24 * time.Hour)

// AppendOutcomes begins a payload of outcomes of a run, the first of which started
// at a time.
func AppendOutcomes(dst []byte, run uint64, base time.Time) []byte {
	dst = binary.BigEndian.AppendUint64(dst, run)
	return binary.BigEndian.AppendUint64(dst, uint64(base.UnixNano()))
}

// AppendOutcome appends an outcome to a payload whose first began at base.
func AppendOutcome(dst []byte, base time.Time, o *Outcome) []byte {
	dst = append(dst, byte(o.Status))
	dst = binary.AppendUvarint(dst, uint64(max(o.Started.Sub(base), 0)))
	dst = binary.AppendUvarint(dst, uint64(max(o.Run, 0)))
	dst = binary.AppendUvarint(dst, uint64(len(o.Body)))
	return append(dst, o.Body...)
}

// OutcomeReader reads a payload of outcomes.
type OutcomeReader struct {
	Run  uint64
	base time.Time
	rest []byte
}

// ReadOutcomes begins to read a payload of outcomes.
func ReadOutcomes(data []byte) (OutcomeReader, error) {
	if len(data) < 16 {
		return OutcomeReader{}, fmt.Errorf("%w: outcomes of %d bytes", ErrProtocol, len(data))
	}
	return OutcomeReader{
		Run: binary.BigEndian.Uint64(data), base: time.Unix(0, int64(binary.BigEndian.Uint64(data[8:]))), rest: data[16:],
	}, nil
}

// Next reads the next outcome into o, whose body refers to the payload; more is false
// at the end.
func (r *OutcomeReader) Next(o *Outcome) (more bool, err error) {
	if len(r.rest) == 0 {
		return false, nil
	}
	o.Status, r.rest = Status(r.rest[0]), r.rest[1:]
	after, run, size := r.uvarint(), r.uvarint(), r.uvarint()
	if r.rest == nil || o.Status > StatusObject || size > uint64(len(r.rest)) {
		return false, fmt.Errorf("%w: an outcome does not read", ErrProtocol)
	}
	o.Started = r.base.Add(time.Duration(min(after, maxSpan)))
	o.Run = time.Duration(min(run, maxSpan))
	o.Body, r.rest = r.rest[:size:size], r.rest[size:]
	return true, nil
}

// uvarint reads a number; rest is nil after one that does not read.
func (r *OutcomeReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.rest = nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// Value is a request for a large value, or an answer to one. The value itself goes through
// a pipe, of which the process gets its end with an answer: another one if the supervisor
// has to read a result again. The last answer, without a file, says how it ended.
type Value struct {
	Task  uint64 // number of the request, at the process
	Run   uint64 // of the task that it is for
	Index uint64
	Size  uint64 // of the value, in a request to store one, and with an argument's pipe
	Text  string // of a request: the object's name; of an answer: the name, or the error
	Code  string // of an answer: the failure's code, empty if it worked
}

const valueHeader = 32

// AppendValue appends a request or an answer.
func AppendValue(dst []byte, v *Value) []byte {
	for _, n := range [...]uint64{v.Task, v.Run, v.Index, v.Size} {
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	dst = append(binary.AppendUvarint(dst, uint64(len(v.Code))), v.Code...)
	return append(dst, v.Text...)
}

// ReadValue reads a request or an answer.
func ReadValue(data []byte) (v Value, err error) {
	if len(data) <= valueHeader {
		return Value{}, fmt.Errorf("%w: a value of %d bytes", ErrProtocol, len(data))
	}
	for i, to := range [...]*uint64{&v.Task, &v.Run, &v.Index, &v.Size} {
		*to = binary.BigEndian.Uint64(data[8*i:])
	}
	size, n := binary.Uvarint(data[valueHeader:])
	rest := data[valueHeader+max(n, 0):]
	if n <= 0 || size > uint64(len(rest)) {
		return Value{}, fmt.Errorf("%w: a value does not read", ErrProtocol)
	}
	v.Code, v.Text = string(rest[:size]), string(rest[size:])
	return v, nil
}
