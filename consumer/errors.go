package consumer

import "errors"

var (
	// ErrNoHandlers is wrapped when a worker would have nothing to run.
	ErrNoHandlers = errors.New("consumer: no handler is registered; call consumer.Handle before pool.Main")
	// ErrNoTask is what [Report] gives outside a task.
	ErrNoTask = errors.New("consumer: the context is not that of a task")
)
