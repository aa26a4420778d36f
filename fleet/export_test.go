package fleet

import (
	"context"
	"time"
)

// WatchEvery is [Fleet.Watch], with another time between two tellings.
func (f *Fleet) WatchEvery(ctx context.Context, every time.Duration) (*Watch, error) {
	return f.watch(ctx, every)
}
