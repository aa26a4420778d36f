package producer

import (
	"context"
	"fmt"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/nesting"
)

// depthOf returns the depth of a task that is submitted with ctx: one more than
// that of the task to which ctx belongs, if it belongs to one.
func depthOf(ctx context.Context) (int, error) {
	outer, inside := nesting.Of(ctx)
	if !inside {
		return 0, nil
	}
	if outer.Depth >= nesting.MaxDepth {
		return 0, fmt.Errorf("producer: %w: this is call %d within another", codec.ErrDepth, outer.Depth+1)
	}
	return outer.Depth + 1, nil
}

// giveWay is called before a wait with ctx, and what it returns after. Inside a
// task the place of its process is free meanwhile, so that tasks which wait for
// others cannot keep these from running.
func giveWay(ctx context.Context) (resume func()) {
	if outer, inside := nesting.Of(ctx); inside && outer.Wait != nil {
		return outer.Wait()
	}
	return func() {}
}
