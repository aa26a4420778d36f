package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/objects"
)

// DefaultMaxValue is the largest argument or result, in bytes encoded, that a
// worker takes or gives unless it is told otherwise.
const DefaultMaxValue = objects.DefaultMost

// resultMargin is how much longer a large result is kept than its outcome, in which
// the client may fetch it.
const resultMargin = time.Hour

// argument returns a task's encoded argument, which it fetches if it is large: until
// the task's context ends, at its limit, its deadline or when it is killed.
func (e *executor) argument(ctx *taskContext, t *codec.Task) ([]byte, *codec.Failure) {
	if t.Object == "" {
		return t.Arg, nil
	}
	data, err := e.objects.Get(ctx, t.Object, e.MaxValue)
	switch {
	case err == nil:
		return data, nil
	case errors.Is(err, objects.ErrGone) && !errors.Is(err, objects.ErrRemoved):
		return nil, &codec.Failure{Code: codec.CodeArgumentLost, Message: err.Error()}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, &codec.Failure{Code: codec.CodeExpired, Message: fmt.Sprintf("while its argument was fetched: %v", err)}
	}
	return nil, &codec.Failure{Code: codec.CodeArgument, Message: err.Error()}
}

// large stores a task's result that no message carries, and returns its object's
// name. The task's limit stops it as it stops the handler; its deadline does not.
func (e *executor) large(ctx *taskContext, t *codec.Task, result []byte) (name string, failure *codec.Failure) {
	if int64(len(result)) > e.MaxValue {
		return "", &codec.Failure{Code: codec.CodeTooLarge, Message: fmt.Sprintf(
			"the result has %d bytes, workers give at most %d", len(result), e.MaxValue)}
	}
	ttl := max(t.Retain, handoff.StoredTTL) + resultMargin
	name, err := e.objects.Put(ctx, result, ttl)
	if err != nil && ctx.Err() != nil && ctx.stoppedFor() == "" {
		name, err = e.objects.Put(context.Background(), result, ttl)
	}
	if err != nil {
		return "", &codec.Failure{Code: codec.CodeResult, Message: err.Error()}
	}
	return name, nil
}
