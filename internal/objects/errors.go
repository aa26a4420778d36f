package objects

import (
	"errors"
	"fmt"
)

var (
	// ErrGone is wrapped when an object is not there (any more).
	ErrGone = errors.New("objects: the value is not in the object store any more")
	// ErrRemoved is wrapped when [Store.Remove] has removed an object, as it does for a
	// task that has its outcome. It wraps [ErrGone].
	ErrRemoved = fmt.Errorf("%w: it was removed with its task", ErrGone)
	// ErrTooLarge is wrapped when a value is larger than its reader takes.
	ErrTooLarge = errors.New("objects: value too large")
	// ErrPeer is wrapped when the reader or the writer that a value comes from or goes to
	// fails, rather than the broker.
	ErrPeer = errors.New("objects: the other end of the value has failed")
)
