package pool

import (
	"context"
	"fmt"
)

// Drain stops pulling, lets each worker process finish the task it runs, gives
// back the rest, and returns when the last process has ended. When ctx ends
// first, or after [Config.DrainTimeout], it kills what still runs, as
// [Supervisor.Kill] does, and returns the cause, wrapped: that of ctx, or
// [ErrDrainTimeout].
func (s *Supervisor) Drain(ctx context.Context) error {
	if s.cfg.DrainTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.cfg.DrainTimeout, fmt.Errorf("%w of %v", ErrDrainTimeout, s.cfg.DrainTimeout))
		defer cancel()
	}
	s.stop()
	select {
	case <-s.stopped:
		return nil
	case <-ctx.Done():
		s.Kill()
		return fmt.Errorf("pool: worker processes killed while they drained: %w", context.Cause(ctx))
	}
}

// Kill kills every worker process with all that it has started, puts their tasks
// back uncharged, and returns when they are gone.
func (s *Supervisor) Kill() {
	s.stop() // first, so that no slot starts another process
	s.killOnce.Do(func() { close(s.killing) })
	<-s.stopped
}

// Stopped returns a channel that is closed when the supervisor has stopped.
func (s *Supervisor) Stopped() <-chan struct{} { return s.stopped }

// stop has every slot leave, and adds none any more. It reports whether this is the first
// call.
func (s *Supervisor) stop() (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first = !s.isStopping(); first {
		close(s.leaving)
	}
	for _, sl := range s.slots {
		sl.requestLeave()
	}
	return first
}

func (s *Supervisor) isStopping() bool { return isClosed(s.leaving) }

func (s *Supervisor) isKilling() bool { return isClosed(s.killing) }

func (s *Supervisor) isStopped() bool { return isClosed(s.stopped) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
