package producer

import (
	"context"
	"maps"

	"github.com/musterfleet/muster/codec"
)

// Observer is told of the calls that a client submits, as tracing needs it: see
// package tracing. Its method is called from several goroutines, and holds up the
// call until it returns.
type Observer interface {
	// Submit is called with the caller's context before a [Submit], or before a Map
	// reads its first argument. The entries that it returns travel with each task,
	// with those of [Header], which go first. It also returns what to call when the
	// task has been submitted, or the Map has ended.
	Submit(ctx context.Context, call Call) (header map[string]string, submitted Submitted)
}

// Call is what is being submitted.
type Call struct {
	Func  string
	Queue string
	Map   bool // one call for each argument of a Map
}

// Submitted is told how a call went to the broker: under which id, zero for those
// of a Map, or why not. It does not wait until the broker has stored the task.
type Submitted func(id codec.ID, err error)

// observed tells the client's observer of a submission, and returns the one to go on
// with.
func (s *submission) observed(ctx context.Context, isMap bool) (*submission, Submitted) {
	header, submitted := s.client.observer.Submit(ctx, Call{Func: s.name, Queue: s.queue, Map: isMap})
	if submitted == nil {
		submitted = func(codec.ID, error) {}
	}
	if len(header) == 0 {
		return s, submitted
	}
	with := *s
	with.plain = false
	with.header = maps.Clone(header)
	maps.Copy(with.header, s.header)
	return &with, submitted
}
