package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// run says what a run of a fleet is to be.
type run struct {
	seed     uint64
	tasks    int           // to submit; 0: as many as go into duration
	duration time.Duration // of submitting, if tasks is 0
	varied   bool          // see drawJob
	plan     plan
}

// stallTimeout is how long nothing may be done until the run is given up, with
// every fault over or not. A half-open connection is noticed after 30 s, and a
// client looks for what it missed every 30 s.
const stallTimeout = 100 * time.Second

var errStalled = errors.New("no future was done for too long")

// on runs the fleet until every fault has struck and every future is done. What
// stalls is no error: the history shows it.
func (r run) on(ctx context.Context, f *fleet) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer f.stop()
	if err := f.start(ctx); err != nil {
		return err
	}
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel(nil)
	background.Go(func() { f.clock.watch(ctx, func() { cancel(errStalled) }) })

	began := time.Now()
	failed := make(chan error, len(r.plan))
	var strikes sync.WaitGroup
	for _, x := range r.plan {
		r.await(ctx, f, began, x.at)
		if ctx.Err() != nil {
			break
		}
		f.history.add(record{Event: struck, Note: x.kind.name})
		strikes.Go(func() {
			if err := x.kind.strike(ctx, f, x); err != nil && ctx.Err() == nil {
				failed <- fmt.Errorf("%s: %w", x.kind.name, err)
			}
		})
	}
	if r.tasks == 0 {
		pause(ctx, time.Until(began.Add(r.duration)))
		f.history.add(record{Event: stopped}) // for a client that begins later
		f.client.tell("stop")
	}
	strikes.Wait()
	select {
	case <-f.client.program().exited:
		if err := f.noteBroker(ctx); err != nil {
			return err
		}
	case <-ctx.Done():
		f.history.add(record{Event: left, Note: fmt.Sprintf("the client waits: %v", context.Cause(ctx))})
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// await waits for a part of the run to be over: of its tasks if these are
// counted, else of its time.
func (r run) await(ctx context.Context, f *fleet, began time.Time, part float64) {
	if r.tasks > 0 {
		f.clock.reach(ctx, int(part*float64(r.tasks)))
		return
	}
	pause(ctx, time.Until(began.Add(time.Duration(part*float64(r.duration)))))
}

// watch calls stalled when nothing is done for too long, until ctx ends.
func (c *clock) watch(ctx context.Context, stalled func()) {
	for {
		_, last, changed := c.read()
		timer := time.NewTimer(time.Until(last.Add(stallTimeout)))
		select {
		case <-changed:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			stalled()
			return
		}
	}
}
