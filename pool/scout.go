package pool

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/internal/broker"
)

// scout looks for work while places are dormant. It hears of each task that is
// published, and asks the queue whether it still waits a moment later: if a
// process was idle, it does not. It wakes no more places than messages wait that
// no process is coming for.
type scout struct {
	nc      *nats.Conn
	lanes   [len(broker.Lanes)]jetstream.Consumer
	subject string
	logger  *slog.Logger
	work    chan struct{} // wakes one place

	mu      sync.Mutex
	dormant int
	coming  int // processes that start, and will pull
	sub     *nats.Subscription
	poked   chan struct{}
}

const (
	scoutDelay   = 2 * time.Millisecond  // for an idle process to take what was published
	scoutPause   = 25 * time.Millisecond // before looking again
	scoutEvery   = time.Second           // for what comes back to the queue without being published
	scoutTimeout = 2 * time.Second
	peekExpiry   = 5 * time.Millisecond
	// scoutLooks is how often is looked until nothing counts as waiting: a process
	// that was given something may give it back in a moment.
	scoutLooks = 2
	// scoutPatience is how often is looked again while a process is idle that
	// may just be about to take what waits.
	scoutPatience = 20
)

func newScout(ctx context.Context, nc *nats.Conn, tasks jetstream.Stream, queue string, logger *slog.Logger) (*scout, error) {
	s := &scout{
		nc: nc, subject: broker.TaskWildcard(queue), logger: logger,
		work: make(chan struct{}), poked: make(chan struct{}, 1),
	}
	for _, lane := range broker.Lanes {
		var err error
		if s.lanes[lane], err = tasks.Consumer(ctx, broker.WorkersConsumer(lane)); err != nil {
			return nil, fmt.Errorf("pool: looking up the queue's consumer: %w", err)
		}
	}
	return s, nil
}

// enlist counts a place as dormant, until dismiss.
func (s *scout) enlist() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dormant++; s.dormant == 1 {
		sub, err := s.nc.Subscribe(s.subject, func(*nats.Msg) { s.poke() })
		if err != nil {
			s.logger.Warn("watching the queue for work; looking every second instead", "error", err)
		}
		s.sub = sub
	}
	s.poke() // what was published before
}

func (s *scout) dismiss() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dormant--; s.dormant == 0 && s.sub != nil {
		if err := s.sub.Unsubscribe(); err != nil {
			s.logger.Debug("unsubscribing from the queue", "error", err)
		}
		s.sub = nil
	}
}

func (s *scout) poke() {
	select {
	case s.poked <- struct{}{}:
	default:
	}
}

// expect counts a process as coming, until arrive.
func (s *scout) expect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.coming++
}

func (s *scout) arrive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.coming--
}

// run wakes places while work waits, until stopped. It asks crew how many worker
// processes have nothing to run, and how many deliveries all of them hold.
func (s *scout) run(stopped <-chan struct{}, crew func() (idle, held int)) {
	ticker := time.NewTicker(scoutEvery)
	defer ticker.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-stopped:
			return
		case <-s.poked:
		case <-ticker.C:
		}
		delay, looks, patience := scoutDelay, scoutLooks, scoutPatience
		for s.sleepers() > 0 && looks > 0 {
			pause.Reset(delay)
			select {
			case <-stopped:
				return
			case <-pause.C:
			}
			delay = scoutPause
			idle, held := crew()
			coming := s.expected()
			waiting := s.waiting(held, coming > 0)
			switch {
			case waiting == 0:
				looks--
				continue
			case waiting <= coming:
				continue
			case idle > 0 && patience > 0:
				patience--
				continue
			}
			select {
			case s.work <- struct{}{}:
				s.expect()
				looks, patience = scoutLooks, scoutPatience
			case <-stopped:
				return
			case <-ticker.C: // they have all left meanwhile
			}
		}
	}
}

func (s *scout) expected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.coming
}

func (s *scout) sleepers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dormant
}

// waiting gives how many messages wait in the queue, at least: of those that
// were given back it tells only that there are any. While somebody comes, all
// that this host does not hold counts.
func (s *scout) waiting(held int, coming bool) int {
	ctx, cancel := context.WithTimeout(context.Background(), scoutTimeout)
	defer cancel()
	pending, delivered := 0, 0
	for _, lane := range s.lanes {
		info, err := lane.Info(ctx)
		if err != nil {
			s.logger.Debug("asking the queue for work", "error", err)
			return pending
		}
		pending += int(info.NumPending)
		delivered += info.NumAckPending
	}
	if pending > 0 || delivered <= held {
		return pending
	}
	if coming {
		return 1
	}
	for _, lane := range s.lanes {
		if s.peek(ctx, lane.CachedInfo()) {
			return 1
		}
	}
	return 0
}

// peek reports whether a pull would be given a message now, which it gives back.
// That is how to know of messages that were given back before: the queue counts
// them with those that other hosts hold.
func (s *scout) peek(ctx context.Context, info *jetstream.ConsumerInfo) bool {
	// An inbox of its own: what comes from a stream keeps its subject, by which
	// Request would not know that it is the answer. And the pull ends well before
	// us: one left standing would be given a message that nobody takes.
	inbox := s.nc.NewInbox()
	sub, err := s.nc.SubscribeSync(inbox)
	if err != nil {
		return false
	}
	defer func() { _ = sub.Unsubscribe() }()
	next := "$JS.API.CONSUMER.MSG.NEXT." + info.Stream + "." + info.Name
	if err := s.nc.PublishRequest(next, inbox, fmt.Appendf(nil, `{"batch":1,"expires":%d}`, peekExpiry)); err != nil {
		return false
	}
	msg, err := sub.NextMsgWithContext(ctx)
	if err != nil || msg.Reply == "" {
		return false
	}
	if err := msg.Respond([]byte("-NAK")); err != nil {
		s.logger.Debug("giving back a message", "error", err)
	}
	return true
}
