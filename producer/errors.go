package producer

import (
	"context"
	"errors"
	"fmt"
)

var (
	// ErrClosed is wrapped when a client is used after Stop or Close, and by the
	// futures that Close did not wait for. It mirrors the RuntimeError of an
	// executor after shutdown.
	ErrClosed = errors.New("producer: the client is closed")
	// ErrOption is wrapped when an option has a value that makes no sense.
	ErrOption = errors.New("producer: invalid option")
	// ErrNotStored is wrapped by a future whose task the broker refused to store.
	ErrNotStored = errors.New("producer: the broker did not take the task")
	// ErrQueueFull is wrapped when the broker refused a task because its queue is
	// full, see [WithFullQueue]. It wraps [ErrNotStored].
	ErrQueueFull = fmt.Errorf("%w: the queue is full", ErrNotStored)
	// ErrKeyHeld is wrapped by [Submit] with a [Key] that a task of another func has.
	ErrKeyHeld = errors.New("producer: the key belongs to a task of another func")
	// ErrAttached is wrapped by [Attach] when the client is attached to tasks of too
	// many others.
	ErrAttached = errors.New("producer: attached to tasks of too many clients")
)

// ended returns why ctx ended: always its Err, and its cause where it has another.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
