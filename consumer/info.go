package consumer

import (
	"context"
	"log/slog"
	"time"

	"github.com/musterfleet/muster/codec"
)

// Info is what a handler can know of the task it runs.
type Info struct {
	ID       codec.ID
	Func     string
	Attempt  int               // from 1
	Deadline time.Time         // zero if the task has none
	Header   map[string]string // what the caller sent along, such as trace context
}

// Task tells which task the handler runs whose context this is; ok is false
// for any other context.
func Task(ctx context.Context) (info Info, ok bool) {
	c, ok := ctx.Value(taskKey{}).(*taskContext)
	if !ok {
		return Info{}, false
	}
	return c.info(), true
}

// Logger returns a logger that adds the task's id, func and attempt to each
// record; outside a task it returns slog.Default.
func Logger(ctx context.Context) *slog.Logger {
	c, ok := ctx.Value(taskKey{}).(*taskContext)
	if !ok {
		return slog.Default()
	}
	return c.logger.With("task", c.id().String(), "func", c.name, "attempt", c.attempt)
}
