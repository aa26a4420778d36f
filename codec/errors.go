package codec

import (
	"errors"
	"fmt"
	"strings"
)

// What reading a message can come to.
var (
	// ErrMalformed is wrapped by every error about bytes that are not what the
	// wire format says.
	ErrMalformed = errors.New("codec: malformed message")
	// ErrVersion is wrapped when a message is of another version of the format.
	ErrVersion = errors.New("codec: unknown version of the wire format")
)

// What encoding or decoding a value can come to.
var (
	// ErrName is wrapped when a func's name cannot be used.
	ErrName = errors.New("codec: invalid func name")
	// ErrEncode is wrapped when a value cannot be encoded as MessagePack.
	ErrEncode = errors.New("codec: value cannot be encoded")
	// ErrDecode is wrapped when bytes do not decode into the type asked for.
	ErrDecode = errors.New("codec: value does not decode")
)

// How a task can fail. errors.Is finds them in the error of a future; each is
// one [Code] on the wire.
var (
	// ErrPanic: the handler panicked. The stack is in [RemoteError].Stack.
	ErrPanic = errors.New("handler panicked")
	// ErrGoexit: the handler ended its goroutine by runtime.Goexit.
	ErrGoexit = errors.New("handler called runtime.Goexit")
	// ErrUnknownFunc: the worker has no handler for the func.
	ErrUnknownFunc = errors.New("unknown func")
	// ErrArgument: the argument did not decode into the handler's type.
	ErrArgument = errors.New("argument does not decode")
	// ErrResult: the handler's result could not be encoded.
	ErrResult = errors.New("result cannot be encoded")
	// ErrTooLarge: an argument or a result is larger than the broker carries.
	ErrTooLarge = errors.New("value too large")
	// ErrWorkerDied: the worker process died under the task, as often as the
	// task's crash budget allows. The error is a [WorkerDiedError].
	ErrWorkerDied = errors.New("worker process died")
	// ErrCancelled: the task was cancelled before it started. It mirrors
	// Python's CancelledError.
	ErrCancelled = errors.New("task cancelled")
	// ErrExpired: the task's deadline passed before it started.
	ErrExpired = errors.New("deadline passed before the task started")
)

// Code says on the wire how a task failed.
type Code string

// The codes of version 1. A reader treats one that it does not know like
// CodeError.
const (
	CodeError       Code = "error" // the handler returned an error
	CodePanic       Code = "panic"
	CodeGoexit      Code = "goexit"
	CodeUnknownFunc Code = "unknown_func"
	CodeArgument    Code = "argument"
	CodeResult      Code = "result"
	CodeTooLarge    Code = "too_large"
	CodeWorkerDied  Code = "worker_died"
	CodeCancelled   Code = "cancelled"
	CodeExpired     Code = "expired"
)

var sentinels = map[Code]error{
	CodePanic:       ErrPanic,
	CodeGoexit:      ErrGoexit,
	CodeUnknownFunc: ErrUnknownFunc,
	CodeArgument:    ErrArgument,
	CodeResult:      ErrResult,
	CodeTooLarge:    ErrTooLarge,
	CodeWorkerDied:  ErrWorkerDied,
	CodeCancelled:   ErrCancelled,
	CodeExpired:     ErrExpired,
}

// RemoteError is a task's failure as its caller sees it. errors.Is finds the
// sentinel of its code in it; a handler's own error has none, and is told by
// Type and Message, which are plain text so that they always arrive.
type RemoteError struct {
	Task    ID
	Code    Code
	Type    string // Go type of the handler's error, or of the panic's value
	Message string
	Stack   string // remote stack, for a panic
	Host    string
	PID     int
	Attempt int // which attempt this was, from 1
}

// Error gives the message, preceded by the kind of failure unless the handler
// itself returned the error.
func (e *RemoteError) Error() string {
	sentinel := sentinels[e.Code]
	switch {
	case sentinel == nil:
		return e.Message
	case e.Message == "":
		return sentinel.Error()
	}
	return sentinel.Error() + ": " + e.Message
}

// Is reports whether target is the sentinel of the error's code.
func (e *RemoteError) Is(target error) bool { return target == sentinels[e.Code] && target != nil }

// WorkerDiedError tells how the worker process died that ran the task last. It
// mirrors pebble's ProcessExpired; errors.Is finds [ErrWorkerDied] in it.
type WorkerDiedError struct {
	Task     ID
	Host     string
	PID      int
	ExitCode int    // exit status, or -1 if a signal ended the process
	Signal   string // such as "SIGKILL", or empty
	Stderr   string // the end of what the process wrote to its stderr
	Attempt  int    // which attempt this was, from 1
}

// Error names host, pid, cause and attempt on one line, and below it the end of
// the process's stderr.
func (e *WorkerDiedError) Error() string {
	cause := fmt.Sprintf("exit status %d", e.ExitCode)
	if e.Signal != "" {
		cause = "signal " + e.Signal
	}
	s := fmt.Sprintf("worker process %d on host %s died on attempt %d: %s", e.PID, e.Host, e.Attempt, cause)
	if tail := strings.TrimRight(e.Stderr, "\n"); tail != "" {
		s += "; its stderr ends:\n" + tail
	}
	return s
}

// Is reports whether target is [ErrWorkerDied].
func (e *WorkerDiedError) Is(target error) bool { return target == ErrWorkerDied }
