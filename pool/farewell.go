package pool

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// farewellPatience bounds the wait for the broker to notice a death.
	farewellPatience = time.Second
	firstFarewell    = 2 * time.Millisecond
)

// awaitFarewell waits until the broker knows that a process is dead, which it
// does when nobody listens to the process's sign of life any more. Until then
// it would give what is put back to the dead process's standing pull, where it
// would stay for a whole lease.
func (p *place) awaitFarewell(ctx context.Context, c *child) {
	ctx, cancel := context.WithTimeout(ctx, farewellPatience)
	defer cancel()
	for patience := firstFarewell; ctx.Err() == nil; patience *= 2 {
		probe, stop := context.WithTimeout(ctx, patience)
		_, err := p.nc.RequestWithContext(probe, c.signOfLife, nil)
		stop()
		switch {
		case errors.Is(err, nats.ErrNoResponders):
			return
		case !errors.Is(err, context.DeadlineExceeded):
			p.cfg.Logger.Debug("asking whether the broker knows of a death", "pid", c.PID(), "error", err)
			return
		}
	}
}
