package pool

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// maxQueues bounds the queues of a host, each of which costs it three standing pulls.
const maxQueues = 64

// maxWeight bounds a queue's weight.
const maxWeight = 1000

// Queue is a queue that a host serves. Weight is its share of the tasks that the host
// starts while several queues have some. Where no queue has a weight, all that waits in one
// goes before what waits in those behind it; where one has, 0 stands for 1. It mirrors the
// queues of asynq and Sidekiq.
type Queue = codec.QueueShare

// ParseQueues reads queues as the flag --queue has them: "a,b" in strict order, or
// "a=3,b" by weight. Its error wraps [ErrConfig].
func ParseQueues(text string) ([]Queue, error) {
	var all []Queue
	for part := range strings.SplitSeq(text, ",") {
		name, weight, weighted := strings.Cut(part, "=")
		q := Queue{Name: strings.TrimSpace(name)}
		if weighted {
			n, err := strconv.Atoi(strings.TrimSpace(weight))
			if err != nil || n < 1 || n > maxWeight {
				return nil, fmt.Errorf("%w: queue %q has the weight %q; use 1 to %d", ErrConfig, q.Name, weight, maxWeight)
			}
			q.Weight = n
		}
		all = append(all, q)
	}
	return all, checkQueues(all)
}

func checkQueues(queues []Queue) error {
	if len(queues) > maxQueues {
		return fmt.Errorf("%w: %d queues; a host serves at most %d", ErrConfig, len(queues), maxQueues)
	}
	seen := map[string]bool{}
	for _, q := range queues {
		if err := broker.ValidQueue(q.Name); err != nil {
			return fmt.Errorf("%w: %w", ErrConfig, err)
		}
		if seen[q.Name] {
			return fmt.Errorf("%w: queue %q is named twice", ErrConfig, q.Name)
		}
		if q.Weight < 0 || q.Weight > maxWeight {
			return fmt.Errorf("%w: queue %q has the weight %d; use 1 to %d, or 0", ErrConfig, q.Name, q.Weight, maxWeight)
		}
		seen[q.Name] = true
	}
	return nil
}

// queueNames returns the names of the host's queues.
func (c *Config) queueNames() (names []string) {
	for _, q := range c.Queues {
		names = append(names, q.Name)
	}
	return names
}

// laneID names a lane of one of the host's queues: the lanes of the first queue come
// first, the most urgent of them before the others.
type laneID int

const lanesPerQueue = len(broker.Lanes)

func (id laneID) lane() broker.Lane { return broker.Lane(int(id) % lanesPerQueue) }
func (id laneID) queue() int        { return int(id) / lanesPerQueue }

func laneOf(queue int, lane broker.Lane) laneID { return laneID(queue*lanesPerQueue + int(lane)) }

// lane is a lane of a queue as the scheduler sees it.
type lane struct {
	puller *puller
	want   atomic.Int32 // deliveries to pull

	// Under scheduler.mu:
	spans   []span
	waiting int       // tasks in them
	share   int       // of those, for each idle process
	paused  time.Time // until when nothing is handed over
}

// served is a queue that the scheduler serves. passed is under scheduler.mu.
type served struct {
	name   string
	weight float64
	passed float64 // tasks that were started, by the weight
}

// addQueues has the scheduler serve queues.
func (s *scheduler) addQueues(queues []Queue) {
	s.weighted = slices.ContainsFunc(queues, func(q Queue) bool { return q.Weight > 0 })
	for _, q := range queues {
		s.queues = append(s.queues, &served{name: q.Name, weight: float64(max(q.Weight, 1))})
		for _, lane := range broker.Lanes {
			s.addLane(q.Name, lane)
		}
	}
}

func (s *scheduler) addLane(queue string, of broker.Lane) {
	id, l := laneID(len(s.lanes)), &lane{}
	l.puller = newPuller(s.nc, queue, of, s.logger,
		func() int { return int(l.want.Load()) },
		func(msg *nats.Msg, info broker.AckInfo) { s.deliver(id, msg, info) })
	s.lanes = append(s.lanes, l)
}

// laneNamed returns the lane of a queue; ok is false if the host does not serve the queue.
func (s *scheduler) laneNamed(queue string, lane broker.Lane) (id laneID, ok bool) {
	i := slices.IndexFunc(s.queues, func(q *served) bool { return q.name == queue })
	return laneOf(i, lane), i >= 0
}

// queueOf returns the name of the queue that a delivery is of.
func (s *scheduler) queueOf(d *delivery) string { return s.queues[d.lane.queue()].name }

// outranks reports whether tasks of a lane take the place of tasks of another that a process
// has and has not begun. Queues with weights take turns instead.
func (s *scheduler) outranks(id, other laneID) bool {
	return id < other && (!s.weighted || id.queue() == other.queue())
}

// isBefore reports whether tasks of a lane run before those of another, if both have some.
func (s *scheduler) isBefore(id, other laneID) bool {
	if !s.weighted || id.queue() == other.queue() {
		return id < other
	}
	return s.passed(id) < s.passed(other)
}

// passed returns how much of a lane's queue was started. Of two queues the one of which
// less was is next; one that had nothing waiting does not make up for it.
func (s *scheduler) passed(id laneID) float64 { return max(s.queues[id.queue()].passed, s.turn) }

// start counts n tasks of a lane as started, or -n that were taken back.
func (s *scheduler) start(id laneID, n int) {
	q := s.queues[id.queue()]
	if n > 0 {
		s.turn = s.passed(id)
		q.passed = s.turn
	}
	q.passed += float64(n) / q.weight
}

// next returns the lane whose tasks are to run next; ok is false if none wait, or all
// wait for others that are on their way.
func (s *scheduler) next() (next laneID, ok bool) {
	for i, l := range s.lanes {
		if id := laneID(i); len(l.spans) > 0 && (!ok || s.isBefore(id, next)) {
			next, ok = id, true
		}
	}
	return next, ok && !s.mustWait(next)
}

// urgentTimeout is how long tasks wait for others that go before them and should be on
// their way: the broker has said that there are more, or was given some back. The lanes are
// pulled side by side, and may answer in any order. It is lost time where other hosts have
// taken those tasks, once.
const urgentTimeout = 10 * time.Millisecond

// hold has the tasks of a lane wait for those before them that are on their way.
func (s *scheduler) hold(id laneID) {
	if s.holding || !s.expectsBefore(id) {
		return
	}
	s.holding = true
	time.AfterFunc(urgentTimeout, func() {
		s.do(func(*turn) {
			s.holding = false
			for _, l := range s.lanes {
				l.puller.forget()
			}
		})
	})
}

// mustWait reports whether tasks of a lane wait for others that are on their way.
func (s *scheduler) mustWait(id laneID) bool { return s.holding && s.expectsBefore(id) }

// expectsBefore reports whether tasks that run before those of a lane should be on their
// way.
func (s *scheduler) expectsBefore(id laneID) bool {
	for i, l := range s.lanes {
		if s.isBefore(laneID(i), id) && l.puller.expects() {
			return true
		}
	}
	return false
}
