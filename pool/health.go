package pool

import (
	"context"

	"github.com/musterfleet/muster/producer"
)

// maxUnready is how many processes in a row may end before they are ready,
// while none is, until a host counts as broken.
const maxUnready = 5

// noteReady notes that a process is ready, and which funcs it has handlers for.
func (s *Supervisor) noteReady(funcs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unready, s.funcs = 0, funcs
}

// noteStartFailure notes that a process ended before it was ready, and why.
func (s *Supervisor) noteStartFailure(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unready++; s.unready < maxUnready || s.isStopping() {
		return
	}
	if s.hasReadyLocked() {
		return
	}
	select {
	case s.broken <- why:
	default:
	}
}

// healthy reports whether some process is ready, or may yet be.
func (s *Supervisor) healthy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.healthyLocked()
}

func (s *Supervisor) healthyLocked() bool {
	return s.unready < maxUnready || s.hasReadyLocked()
}

// closeBroken ends the client of a pool whose one host is broken, and the host:
// nobody else would ever run its tasks.
func closeBroken(s *Supervisor, client *producer.Client) {
	select {
	case why := <-s.broken:
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(why)
		_ = client.Close(ctx) // futures and Submit report it
		s.Kill()
	case <-s.stopped:
	}
}
