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
	before, err := f.usage()
	if err != nil {
		return Report{}, err
	}
	start := time.Now()
	if err := pause(ctx, watch); err != nil {
		return Report{}, err
	}
	after, err := f.usage()
	report := Report{Elapsed: time.Since(start), Usage: after}
	report.Usage.CPU = (after.CPU - before.CPU) / report.Elapsed.Seconds()
	return report, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// usage adds up the peer's processes; CPU is in seconds since each began.
func (f *fleet) usage() (Usage, error) {
	var sum Usage
	for _, w := range f.workers {
		parent, below, err := family(w.pid())
		if err != nil {
			return Usage{}, err
		}
		sum.CPU += parent.cpu.Seconds()
		sum.Parent = max(sum.Parent, parent.resident)
		for _, p := range below {
			sum.CPU += p.cpu.Seconds()
			sum.Most = max(sum.Most, p.resident)
		}
	}
	return sum, nil
}
