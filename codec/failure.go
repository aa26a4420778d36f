package codec

import (
	"fmt"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Failure is the wire form of a task's failure. Everything in it but Values is
// plain text and numbers, so that any client can read it whatever types the
// handler knows.
type Failure struct {
	Code     Code
	Type     string // Go type of the error or of the panic's value
	Message  string
	Stack    string
	Host     string
	PID      int
	Attempt  int
	ExitCode int    // of a worker process that died; -1 if by a signal
	Signal   string // that ended the worker process
	Stderr   string // last words of the worker process

	OutOfMemory bool // whether the worker process died for want of memory

	// Of the handler's error, what its func lists:
	Sentinels []string     // keys of the errors that it is, by errors.Is
	Values    []ErrorValue // of the types that errors.As finds in it

	// Final says that no other attempt is to be made, whatever the task's error
	// budget. It is between handler and worker, and does not travel.
	Final bool
}

// Bounds on the text in a failure, in bytes; what is longer is cut.
const (
	maxMessage = 16 << 10
	maxStack   = 32 << 10
	maxStderr  = 8 << 10
	maxLabel   = 256
)

// Err returns the failure as the error that the task's caller sees: a
// [*WorkerDiedError] or a [*RemoteError].
func (f *Failure) Err(task ID) error {
	if f.Code == CodeWorkerDied {
		return &WorkerDiedError{
			Task: task, Host: f.Host, PID: f.PID, ExitCode: f.ExitCode, Signal: f.Signal,
			Cause: f.Message, OutOfMemory: f.OutOfMemory, Stderr: f.Stderr, Attempt: f.Attempt,
		}
	}
	return &RemoteError{
		Task: task, Code: f.Code, Type: f.Type, Message: f.Message, Stack: f.Stack,
		Host: f.Host, PID: f.PID, Attempt: f.Attempt,
	}
}

// AppendFailure appends a failure as it stands within an outcome.
func AppendFailure(dst []byte, f *Failure) []byte { return f.append(dst) }

// ReadFailure reads what AppendFailure wrote. What does not read is a failure all the
// same, which says so.
func ReadFailure(data []byte) *Failure { return readFailure(data) }

func (f *Failure) append(dst []byte) []byte {
	texts := [...]struct{ key, value string }{
		{"code", cut(string(f.Code), maxLabel)},
		{"type", cut(f.Type, maxLabel)},
		{"message", cut(f.Message, maxMessage)},
		{"stack", cut(f.Stack, maxStack)},
		{"host", cut(f.Host, maxLabel)},
		{"signal", cut(f.Signal, maxLabel)},
		{"stderr", cutFront(f.Stderr, maxStderr)},
	}
	numbers := [...]struct {
		key   string
		value int
	}{{"pid", f.PID}, {"attempt", f.Attempt}, {"exit_code", f.ExitCode}}

	head := len(dst)
	dst = append(dst, msgpcode.FixedMapLow) // fewer than 16 pairs
	for _, t := range texts {
		if t.value != "" {
			dst = appendString(appendString(dst, t.key), t.value)
			dst[head]++
		}
	}
	for _, n := range numbers {
		if n.value != 0 {
			dst = appendInt(appendString(dst, n.key), int64(n.value))
			dst[head]++
		}
	}
	if f.OutOfMemory {
		dst = appendBool(appendString(dst, "out_of_memory"), true)
		dst[head]++
	}
	if len(f.Sentinels) > 0 {
		dst = appendSentinels(appendString(dst, "sentinels"), f.Sentinels)
		dst[head]++
	}
	if values := sendable(f.Values); len(values) > 0 {
		dst = appendValues(appendString(dst, "values"), values)
		dst[head]++
	}
	return dst
}

func readFailure(data []byte) *Failure {
	r := reader{data: data}
	f := &Failure{Code: CodeError}
	for pairs := r.mapLen(); pairs > 0 && r.err == nil; pairs-- {
		switch string(r.str()) {
		case "code":
			f.Code = Code(r.text(maxLabel))
		case "type":
			f.Type = r.text(maxLabel)
		case "message":
			f.Message = r.text(maxMessage)
		case "stack":
			f.Stack = r.text(maxStack)
		case "host":
			f.Host = r.text(maxLabel)
		case "signal":
			f.Signal = r.text(maxLabel)
		case "stderr":
			f.Stderr = r.text(maxStderr)
		case "pid":
			f.PID = int(r.signed(32))
		case "attempt":
			f.Attempt = int(r.signed(32))
		case "exit_code":
			f.ExitCode = int(r.signed(32))
		case "out_of_memory":
			f.OutOfMemory = r.bool()
		case "sentinels":
			f.Sentinels = r.sentinels()
		case "values":
			f.Values = r.errorValues()
		default:
			r.skip()
		}
	}
	if err := r.close(0); err != nil {
		return &Failure{Code: CodeError, Message: "the task failed with an error that does not read: " + err.Error()}
	}
	return f
}

// Panicked returns the failure of a handler that panicked with a value.
func Panicked(value any, stack []byte) *Failure {
	return &Failure{Code: CodePanic, Type: fmt.Sprintf("%T", value), Message: describe(value), Stack: string(stack)}
}
