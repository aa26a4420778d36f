package peer

import (
	"context"
	"time"
)

// settleTime is how long processes may take to come to rest.
const settleTime = time.Second

// idle watches the peer's processes do nothing. They have run a task before, as
// processes that idle have.
func (f *fleet) idle(ctx context.Context, watch time.Duration) (Report, error) {
	if len(f.workers) == 0 {
		return Report{}, ErrUnsupported
	}
	if _, err := f.Do(ctx, Load{Mode: Burst, Tasks: 100}); err != nil {
		return Report{}, err
	}
	f.disconnect()
	if err := pause(ctx, min(watch, settleTime)); err != nil {
		return Report{}, err
	}
	_, before, err := f.usage()
	if err != nil {
		return Report{}, err
	}
	start := time.Now()
	if err := pause(ctx, watch); err != nil {
		return Report{}, err
	}
	usage, after, err := f.usage()
	elapsed := time.Since(start)
	usage.CPU = (after - before).Seconds() / elapsed.Seconds()
	return Report{Elapsed: elapsed, Usage: usage}, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// usage returns the memory of the peer's processes, and the time that each has had
// of a core since it began, added up: not in seconds, whose sums differ a little
// where nothing was done between them.
func (f *fleet) usage() (sum Usage, cpu time.Duration, err error) {
	for _, w := range f.workers {
		parent, below, err := family(w.pid())
		if err != nil {
			return Usage{}, 0, err
		}
		cpu += parent.cpu
		sum.Parent = max(sum.Parent, parent.resident)
		for _, p := range below {
			cpu += p.cpu
			sum.Most = max(sum.Most, p.resident)
		}
	}
	return sum, cpu, nil
}
