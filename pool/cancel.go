package pool

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// mostCancelled bounds how many cancelled tasks a supervisor remembers for
// processes that are yet to start.
const mostCancelled = 1 << 14

// cancelled remembers which tasks are not to be started, the latest ones.
type cancelled struct {
	ids  []codec.ID // a ring, once full
	next int
}

func (c *cancelled) add(id codec.ID) {
	if len(c.ids) < mostCancelled {
		c.ids = append(c.ids, id)
		return
	}
	c.ids[c.next] = id
	c.next = (c.next + 1) % mostCancelled
}

func byClient(ids []codec.ID) map[string][]uint64 {
	if len(ids) == 0 {
		return nil
	}
	m := map[string][]uint64{}
	for _, id := range ids {
		m[id.Client] = append(m[id.Client], id.N)
	}
	return m
}

func (s *Supervisor) subscribeCancels() error {
	for _, subject := range []string{broker.CancelSubject(s.Queue), broker.CancelAnySubject} {
		if _, err := s.nc.Subscribe(subject, s.receiveCancel); err != nil {
			return fmt.Errorf("pool: subscribing to cancel requests: %w", err)
		}
	}
	return nil
}

// receiveCancel passes a request on to every process, present and to come. If it
// is for running tasks too, it stops those.
func (s *Supervisor) receiveCancel(msg *nats.Msg) {
	ids, running, err := codec.ReadCancel(msg.Data)
	if err != nil {
		s.Logger.Warn("a cancel request does not read", "error", err)
		return
	}
	s.mu.Lock()
	for _, id := range ids {
		s.cancelled.add(id)
	}
	for _, c := range s.childrenLocked() {
		c.order(order{Cancel: byClient(ids)})
	}
	s.mu.Unlock()
	if running {
		s.stopRunning(ids)
		// One may have been starting, too late for the order and too early for
		// the scoreboard.
		time.AfterFunc(lookAgain, func() { s.stopRunning(ids) })
	}
}

const lookAgain = 50 * time.Millisecond

func (s *Supervisor) stopRunning(ids []codec.ID) {
	if s.isStopped() {
		return
	}
	for _, c := range s.children() {
		for _, d := range c.board.Deliveries() {
			for _, id := range ids {
				if d.Runs(id.Client, id.N) {
					go s.stopTask(c, d, verdict{why: codec.CodeCancelled, message: "cancelled while it ran"})
				}
			}
		}
	}
}
