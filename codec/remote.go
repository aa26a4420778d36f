package codec

import "context"

// RemoteError is a task's failure as its caller sees it. errors.Is finds in it
// the sentinel of its code. Of a handler's own error, Type and Message are plain
// text, which always arrives; besides, errors.Is and errors.As find what the
// func lists of it by [WithErrors] and [WithErrorType]. Never do they find the
// error of a context, for which the caller would take its own.
type RemoteError struct {
	Task    ID
	Code    Code
	Type    string // Go type of the handler's error, or of the panic's value
	Message string
	Stack   string // remote stack, of a panic or of an error that has one
	Host    string
	PID     int
	Attempt int // which attempt this was, from 1

	listed []error // of the handler's error: sentinels, then decoded values
}

// Error returns the message, preceded by the kind of failure unless the handler
// itself returned the error.
func (e *RemoteError) Error() string {
	sentinel := codeSentinels[e.Code]
	switch {
	case sentinel == nil:
		return e.Message
	case e.Message == "":
		return sentinel.Error()
	}
	return sentinel.Error() + ": " + e.Message
}

// Is reports whether target is the sentinel of the error's code, or is found in
// what the func lists of the handler's error. It is for errors.Is.
//
// There is no Unwrap: it would let the methods of values that came over the wire
// speak for the caller's context, and panic.
func (e *RemoteError) Is(target error) bool {
	switch target {
	case nil, context.Canceled, context.DeadlineExceeded:
		return false
	case codeSentinels[e.Code]:
		return true
	}
	return len(e.listed) > 0 && is(tree(e.listed...), target)
}

// As sets target to what it fits of what the func lists of the handler's error.
// It is for errors.As.
func (e *RemoteError) As(target any) bool {
	return len(e.listed) > 0 && as(tree(e.listed...), target)
}
