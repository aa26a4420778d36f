package consumer

import (
	"context"
	"fmt"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/objects"
)

// DefaultMaxValue is the largest argument or result, in bytes encoded, that a
// worker takes or gives unless it is told otherwise.
const DefaultMaxValue = objects.DefaultMost

// argument gives a task's encoded argument, which it fetches if it is large.
func (e *executor) argument(t *codec.Task) ([]byte, *codec.Failure) {
	if t.Object == "" {
		return t.Arg, nil
	}
	data, err := e.objects.Get(context.Background(), t.Object, e.MaxValue)
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
	name, err := e.objects.Put(context.Background(), result)
	if err != nil {
		return "", &codec.Failure{Code: codec.CodeResult, Message: err.Error()}
	}
	return name, nil
}
