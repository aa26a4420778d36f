package codec

import (
	"fmt"
	"time"
)

// DeadLetter is a task given up after its last attempt, or a message that is no
// batch of tasks, kept for a person to look at.
type DeadLetter struct {
	Queue   string
	At      time.Time // when it was given up; milliseconds on the wire
	Failure *Failure  // why; never nil once read
	// Message is the task as it was, in a batch of one, or what was in its place.
	Message []byte
}

// Task returns the task that was given up, and its id. Its error wraps
// [ErrMalformed] or [ErrVersion] if the letter holds none.
func (d *DeadLetter) Task() (ID, *Task, error) {
	var b Batch
	if err := b.Decode(d.Message); err != nil {
		return ID{}, nil, err
	}
	t := &b.Tasks[0]
	return ID{Client: b.Client, N: t.N}, t, nil
}

// AppendDeadLetter appends a dead letter.
func AppendDeadLetter(dst []byte, d *DeadLetter) []byte {
	dst = appendEnvelope(dst, kindDead, 4)
	dst = appendString(dst, d.Queue)
	dst = appendInt(dst, d.At.UnixMilli())
	failure := d.Failure
	if failure == nil {
		failure = &Failure{}
	}
	dst = appendBin(dst, failure.append(nil))
	return appendBin(dst, d.Message)
}

// The years 0 to 9999, which every format has: Unix time in milliseconds.
const (
	firstMilli = -62_167_219_200_000
	lastMilli  = 253_402_300_799_999
)

// ReadDeadLetter reads a dead letter, whose message refers to data. Its error
// wraps [ErrMalformed] or [ErrVersion].
func ReadDeadLetter(data []byte) (d DeadLetter, err error) {
	r := reader{data: data}
	extra := r.envelope(kindDead, 4)
	d.Queue = r.text(MaxName)
	at := r.int()
	if at < firstMilli || at > lastMilli {
		r.fail("time out of range")
	}
	d.At = time.UnixMilli(at)
	failure := r.bin()
	d.Message = r.bin()
	if err := r.close(extra); err != nil {
		return DeadLetter{}, fmt.Errorf("dead letter: %w", err)
	}
	d.Failure = readFailure(failure)
	return d, nil
}
