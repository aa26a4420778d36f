package codec

import "errors"

// What reading a message can come to.
var (
	// ErrMalformed is wrapped by every error about bytes that are not what the
	// wire format says.
	ErrMalformed = errors.New("codec: malformed message")
	// ErrVersion is wrapped when a message is of another version of the format.
	ErrVersion = errors.New("codec: unknown version of the wire format")
)

// What using a func, and encoding or decoding a value, can come to.
var (
	// ErrName is wrapped when a func's name cannot be used.
	ErrName = errors.New("codec: invalid func name")
	// ErrOption is wrapped when a func's option cannot be.
	ErrOption = errors.New("codec: invalid func option")
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
	// ErrTimeLimit: the task ran longer than its limit, and was stopped.
	ErrTimeLimit = errors.New("time limit exceeded")
	// ErrArgumentLost: the argument is too large for a message, and is not in the
	// object store any more. The task did not run, and is kept as a dead letter.
	ErrArgumentLost = errors.New("argument is lost")
	// ErrDepth: the task is a call from within a call, and so on, deeper than
	// calls may nest.
	ErrDepth = errors.New("calls nested too deeply")
)

// Code says on the wire how a task failed.
type Code string

// The codes of version 1. A reader treats one that it does not know like
// CodeError.
const (
	CodeError        Code = "error" // the handler returned an error
	CodePanic        Code = "panic"
	CodeGoexit       Code = "goexit"
	CodeUnknownFunc  Code = "unknown_func"
	CodeArgument     Code = "argument"
	CodeResult       Code = "result"
	CodeTooLarge     Code = "too_large"
	CodeWorkerDied   Code = "worker_died"
	CodeCancelled    Code = "cancelled"
	CodeExpired      Code = "expired"
	CodeTimeLimit    Code = "time_limit"
	CodeDepth        Code = "depth"
	CodeArgumentLost Code = "argument_lost"
)

// Codes lists the codes.
var Codes = [...]Code{
	CodeError, CodePanic, CodeGoexit, CodeUnknownFunc, CodeArgument, CodeResult, CodeTooLarge,
	CodeWorkerDied, CodeCancelled, CodeExpired, CodeTimeLimit, CodeDepth,
	CodeArgumentLost,
}

// Retryable reports whether a task that has failed so may be tried again: by the
// handler's own doing, which may go better another time.
func (c Code) Retryable() bool { return c == CodeError || c == CodePanic || c == CodeGoexit }

// codeSentinels holds what errors.Is finds for a code.
var codeSentinels = map[Code]error{
	CodePanic:        ErrPanic,
	CodeGoexit:       ErrGoexit,
	CodeUnknownFunc:  ErrUnknownFunc,
	CodeArgument:     ErrArgument,
	CodeResult:       ErrResult,
	CodeTooLarge:     ErrTooLarge,
	CodeWorkerDied:   ErrWorkerDied,
	CodeCancelled:    ErrCancelled,
	CodeExpired:      ErrExpired,
	CodeTimeLimit:    ErrTimeLimit,
	CodeDepth:        ErrDepth,
	CodeArgumentLost: ErrArgumentLost,
}
