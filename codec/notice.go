package codec

import "fmt"

// AppendReceipt appends a receipt: the client's word that it has taken over
// that many outcomes of the message it answers.
func AppendReceipt(dst []byte, outcomes int) []byte {
	return appendUint(appendEnvelope(dst, kindReceipt, 1), uint64(outcomes))
}

// ReadReceipt reads a receipt. Its error wraps [ErrMalformed] or [ErrVersion].
func ReadReceipt(data []byte) (outcomes int, err error) {
	r := reader{data: data}
	extra := r.envelope(kindReceipt, 1)
	n := r.uint()
	if n > MaxTasks {
		r.fail("receipt for too many outcomes")
	}
	if err := r.close(extra); err != nil {
		return 0, err
	}
	return int(n), nil
}

// AppendCancel appends a request to cancel tasks of a client: those that have
// not started are not to be, and, if running is set, those that run are to be
// stopped.
func AppendCancel(dst []byte, client string, running bool, tasks ...uint64) []byte {
	dst = appendString(appendEnvelope(dst, kindCancel, 3), client)
	dst = appendArrayLen(dst, len(tasks))
	for _, n := range tasks {
		dst = appendUint(dst, n)
	}
	return appendBool(dst, running)
}

// ReadCancel reads a request to cancel. Its error wraps [ErrMalformed] or
// [ErrVersion].
func ReadCancel(data []byte) (tasks []ID, running bool, err error) {
	r := reader{data: data}
	extra := r.envelope(kindCancel, 3)
	client := string(r.str())
	if r.err == nil && !validClient(client) {
		r.fail("invalid client name")
	}
	n := r.array()
	tasks = make([]ID, 0, n)
	for ; n > 0 && r.err == nil; n-- {
		tasks = append(tasks, ID{Client: client, N: r.uint()})
	}
	running = r.bool()
	if err := r.close(extra); err != nil {
		return nil, false, err
	}
	return tasks, running, nil
}

// Started is a worker's notice that a task is running. It is sent for tasks
// that run longer than a few milliseconds; shorter ones are over before it
// would arrive.
type Started struct {
	N       uint64
	Attempt int
	Host    string
	PID     int
}

// AppendStarted appends a notice that a task has started.
func AppendStarted(dst []byte, s *Started) []byte {
	dst = appendEnvelope(dst, kindStarted, 4)
	dst = appendUint(dst, s.N)
	dst = appendUint(dst, uint64(max(s.Attempt, 0)))
	dst = appendString(dst, cut(s.Host, maxLabel))
	return appendUint(dst, uint64(max(s.PID, 0)))
}

// ReadStarted reads a notice that a task has started. Its error wraps
// [ErrMalformed] or [ErrVersion].
func ReadStarted(data []byte) (s Started, err error) {
	r := reader{data: data}
	extra := r.envelope(kindStarted, 4)
	s.N = r.uint()
	s.Attempt = r.count()
	s.Host = r.text(maxLabel)
	s.PID = int(r.unsigned(31))
	if err := r.close(extra); err != nil {
		return Started{}, fmt.Errorf("started notice: %w", err)
	}
	return s, nil
}
