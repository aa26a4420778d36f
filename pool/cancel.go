package pool

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/scoreboard"
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

// subscribeCancels hears of cancel requests from now on, and then of those that
// came before this host.
func (s *Supervisor) subscribeCancels(ctx context.Context) error {
	for _, subject := range s.cancelSubjects() {
		if _, err := s.nc.Subscribe(subject, s.hearCancel); err != nil {
			return fmt.Errorf("pool: subscribing to cancel requests: %w", err)
		}
	}
	return s.recallCancels(ctx, time.Time{})
}

func (s *Supervisor) cancelSubjects() []string {
	return []string{broker.CancelSubject(s.cfg.Queue), broker.CancelAnySubject}
}

// recallCancels takes the cancel requests that were stored since a time. One that
// came twice does no harm.
func (s *Supervisor) recallCancels(ctx context.Context, since time.Time) error {
	want := broker.Selection{Subjects: s.cancelSubjects(), Since: since}
	err := broker.Collect(ctx, s.js, broker.CancelStream, want, func(msg jetstream.Msg) { s.receiveCancel(msg.Data()) })
	if err != nil {
		return fmt.Errorf("pool: recalling cancel requests: %w", err)
	}
	return nil
}

const (
	recallPatience = 30 * time.Second // a cluster may take ten to choose a leader
	// recallMargin is by how much the broker's clock may differ from ours.
	recallMargin = 5 * time.Minute
)

// recallAfterReconnects takes the requests that were missed while the broker could
// not be reached, until the supervisor has stopped.
func (s *Supervisor) recallAfterReconnects() {
	status := s.nc.StatusChanged(nats.CONNECTED)
	defer s.nc.RemoveStatusListener(status)
	for latest := time.Now(); ; {
		select {
		case <-s.stopped:
			return
		case _, ok := <-status:
			if !ok {
				return
			}
		}
		now := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), recallPatience)
		err := s.recallCancels(ctx, latest.Add(-recallMargin))
		cancel()
		if err == nil {
			latest = now
		} else if !s.isStopped() {
			s.cfg.Logger.Warn("tasks that were cancelled while the broker was away may run", "error", err)
		}
	}
}

// hearCancel takes a request when it is sent, and tells the client that it names
// which of the tasks run here.
func (s *Supervisor) hearCancel(msg *nats.Msg) {
	ids := s.receiveCancel(msg.Data)
	asker := msg.Header.Get(broker.AskerHeader)
	if _, err := codec.ParseID(asker + "-0"); err != nil || len(ids) == 0 {
		return
	}
	s.tellRunning(asker, ids)
	time.AfterFunc(lookAgain, func() { s.tellRunning(asker, ids) })
}

// tellRunning tells a client which of one client's tasks run here, if any do.
func (s *Supervisor) tellRunning(asker string, ids []codec.ID) {
	asked := make(map[uint64]bool, len(ids))
	for _, id := range ids {
		asked[id.N] = true
	}
	client := scoreboard.Client(ids[0].Client)
	var running []uint64
	for _, c := range s.children() {
		for _, d := range c.board.Deliveries() {
			if d.Running() && d.Client == client && asked[d.Task] {
				running = append(running, d.Task)
			}
		}
	}
	if len(running) == 0 || s.isStopped() {
		return
	}
	answer := codec.AppendCancel(nil, ids[0].Client, false, running...)
	if err := s.nc.Publish(broker.RunningSubject(asker), answer); err != nil {
		s.cfg.Logger.Debug("a client could not be told that tasks run", "client", asker, "error", err)
	}
}

// receiveCancel passes a request on to every process, present and to come. If it
// is for running tasks too, it stops those. It returns the tasks.
func (s *Supervisor) receiveCancel(request []byte) (ids []codec.ID) {
	ids, running, err := codec.ReadCancel(request)
	if err != nil {
		s.cfg.Logger.Warn("a cancel request does not read", "error", err)
		return nil
	}
	s.mu.Lock()
	for _, id := range ids {
		s.cancelled.add(id)
	}
	for _, c := range s.childrenLocked() {
		if !c.isSetUp {
			continue // it hears of them with its first order
		}
		c.order(order{Cancel: byClient(ids)})
	}
	s.mu.Unlock()
	if running {
		s.stopRunning(ids)
		// One may have been starting, too late for the order and too early for
		// the scoreboard.
		time.AfterFunc(lookAgain, func() { s.stopRunning(ids) })
	}
	return ids
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
