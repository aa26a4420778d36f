package fleet

import (
	"context"
	"fmt"

	"github.com/musterfleet/muster/internal/broker"
)

// CreateQueue makes a queue and whatever else Muster needs of the broker, if it is
// not there: for a fleet whose clients and hosts may not. Otherwise whoever comes
// first makes it. What is there it compares with what Muster needs, and leaves as it
// is. Its error wraps [ErrQueueName], or is that of a stream that is configured
// otherwise.
func (f *Fleet) CreateQueue(ctx context.Context, queue string) error {
	if err := f.ensure(ctx, queue); err != nil {
		return fmt.Errorf("creating queue %s: %w", queue, err)
	}
	return f.objects.Ensure(ctx)
}

// ensure makes the streams that all queues share and those of a queue, if they are not
// there.
func (f *Fleet) ensure(ctx context.Context, queue string) error {
	if err := broker.ValidQueue(queue); err != nil {
		return err
	}
	if err := broker.EnsureShared(ctx, f.js, broker.StreamOptions{}); err != nil {
		return err
	}
	return broker.EnsureQueue(ctx, f.js, queue, broker.StreamOptions{})
}
