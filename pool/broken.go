package pool

import (
	"context"
	"slices"

	"github.com/musterfleet/muster/producer"
)

// mostUnready is how many processes in a row may end before they are ready,
// while none is, until a host counts as broken.
const mostUnready = 5

// begun notes that a process is ready.
func (s *Supervisor) begun() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unready = 0
}

// miscarried notes that a process ended before it was ready, and why.
func (s *Supervisor) miscarried(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unready++; s.unready < mostUnready || s.isStopping() {
		return
	}
	for _, c := range s.childrenLocked() {
		if c.isReady() {
			return
		}
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
	return s.unready < mostUnready || slices.ContainsFunc(s.childrenLocked(), (*child).isReady)
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
