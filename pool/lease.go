package pool

import (
	"time"

	"github.com/musterfleet/muster/internal/broker"
)

// renewEvery is how often leases are renewed: several renewals may be late or
// lost, and the next still be in time. The lease itself is short because it is
// also how long a delivery is lost that was on its way to a process when that
// died, before the process could note it on its scoreboard.
const renewEvery = broker.Lease / 6

// renewLeases keeps the deliveries that worker processes have in hand, until
// the supervisor has stopped. The supervisor does it, and not the process, so
// that a handler that computes without pause cannot starve it.
func (s *Supervisor) renewLeases() {
	ticker := time.NewTicker(renewEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.stopped:
			return
		case <-ticker.C:
		}
		for _, c := range s.children() {
			for _, d := range c.board.Deliveries() {
				s.answer(d.Ack, "+WPI")
			}
		}
	}
}

// answer tells the broker what becomes of a delivery. Lost answers cost time,
// not tasks: the delivery comes again when its lease ends.
func (s *Supervisor) answer(ack, answer string) {
	if err := s.nc.Publish(ack, []byte(answer)); err != nil {
		s.Logger.Debug("answering a delivery", "answer", answer, "error", err)
	}
}
