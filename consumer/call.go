package consumer

import (
	"context"
	"fmt"

	"github.com/musterfleet/muster/codec"
)

// Call calls a registered handler in this process, with an encoded argument,
// and drops the result. Its error wraps codec.ErrUnknownFunc, or is the failure
// as a caller would see it.
func Call(ctx context.Context, name string, arg []byte) error {
	f := functions()[name]
	if f == nil {
		return fmt.Errorf("%w: %q has no handler; consumer.Handle registers one", codec.ErrUnknownFunc, name)
	}
	if _, failure := f.run(ctx, nil, arg); failure != nil {
		return failure.Err(codec.ID{})
	}
	return nil
}
