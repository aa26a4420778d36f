package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/objects"
)

// DefaultMaxValue is the largest argument or result, in bytes encoded, that a
// worker takes or gives unless it is told otherwise.
const DefaultMaxValue = objects.DefaultMost

// largePatience bounds each attempt to fetch or to store a large value, and how
// long another is made: a cluster may take ten seconds to choose a leader.
const (
	largePatience = 30 * time.Second
	largePause    = time.Second
)

// argument gives a task's encoded argument, which it fetches if it is large.
func (e *executor) argument(t *codec.Task) ([]byte, *codec.Failure) {
	if t.Object == "" {
		return t.Arg, nil
	}
	var data []byte
	err := e.patiently(func(ctx context.Context) (err error) {
		data, err = e.objects.Get(ctx, t.Object, e.MaxValue)
		return err
	})
	if err != nil {
		return nil, &codec.Failure{Code: codec.CodeArgument, Message: err.Error()}
	}
	return data, nil
}

// large stores a result that no message carries, and gives its object's name.
func (e *executor) large(result []byte) (name string, failure *codec.Failure) {
	if int64(len(result)) > e.MaxValue {
		return "", &codec.Failure{Code: codec.CodeTooLarge, Message: fmt.Sprintf(
			"the result has %d bytes, workers give at most %d", len(result), e.MaxValue)}
	}
	err := e.patiently(func(ctx context.Context) (err error) {
		name, err = e.objects.Put(ctx, result)
		return err
	})
	if err != nil {
		return "", &codec.Failure{Code: codec.CodeResult, Message: err.Error()}
	}
	return name, nil
}

// patiently tries again what a broker that is away for a moment makes fail.
func (e *executor) patiently(f func(context.Context) error) (err error) {
	for began := time.Now(); ; {
		ctx, cancel := context.WithTimeout(context.Background(), largePatience)
		err = f(ctx)
		cancel()
		if err == nil || errors.Is(err, objects.ErrGone) || errors.Is(err, objects.ErrTooLarge) ||
			errors.Is(err, broker.ErrPermission) || time.Since(began) > largePatience {
			return err
		}
		e.Logger.Warn("a large value could not be passed through the object store; trying again", "error", err)
		select {
		case <-time.After(largePause):
		case <-e.ctx.Done():
			return err
		}
	}
}
