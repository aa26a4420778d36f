package shellmap

import (
	"errors"
	"fmt"
)

var (
	// ErrInterrupted says that a signal ended the run with items left undone.
	ErrInterrupted = errors.New("interrupted")
	// ErrFailed says that items have failed, each of which was reported.
	ErrFailed = errors.New("items failed")
	// ErrHalt is wrapped when text does not say when to halt.
	ErrHalt = errors.New("use never, a number of failures, now,fail=N or soon,fail=N")
)

// LineError says which line of the input failed.
type LineError struct {
	Line int // from 1, or 0 if it is not of one line
	Err  error
}

// Error names the line.
func (e LineError) Error() string {
	if e.Line == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("line %d: %v", e.Line, e.Err)
}

// Unwrap returns the line's error.
func (e LineError) Unwrap() error { return e.Err }
