package fleet

import (
	"errors"

	"github.com/musterfleet/muster/internal/broker"
)

var (
	// ErrQueueName is wrapped when a queue's name is not 1 to 64 of A-Z a-z 0-9 _ -.
	ErrQueueName = broker.ErrQueueName
	// ErrNoQueue is wrapped when there is no such queue.
	ErrNoQueue = errors.New("no such queue")
	// ErrNoHost is wrapped when no host has the id or the name.
	ErrNoHost = errors.New("no such host")
	// ErrHostName is wrapped when several hosts have the name.
	ErrHostName = errors.New("several hosts have the name")
	// ErrRefused is wrapped when a host does not do what it is asked for.
	ErrRefused = errors.New("refused")
	// ErrLetterID is wrapped when a text is not the id of a dead letter.
	ErrLetterID = errors.New("not the id of a dead letter")
	// ErrNoLetter is wrapped when there is no such dead letter.
	ErrNoLetter = errors.New("no such dead letter")
	// ErrNoOutcome is wrapped when no outcome is kept for a task.
	ErrNoOutcome = errors.New("no outcome is kept")
	// ErrNoTask is wrapped when a dead letter that holds no task is to be retried.
	ErrNoTask = errors.New("the dead letter holds no task")
	// ErrKeyHeld is wrapped when the task of a dead letter that is to be retried
	// has a unique key, and another task has that key now.
	ErrKeyHeld = errors.New("another task has the key")
	// ErrArgumentGone is wrapped when the argument of a task that is to be retried
	// was too large for its message, and has been removed from the object store.
	ErrArgumentGone = errors.New("the task's argument is gone")
)
