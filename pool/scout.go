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
// process was idle, it does not.
type scout struct {
	nc      *nats.Conn
	queue   jetstream.Consumer
	subject string
	logger  *slog.Logger
	work    chan struct{} // wakes one place

	mu      sync.Mutex
	dormant int
	sub     *nats.Subscription
	poked   chan struct{}
}

const (
	scoutDelay   = 2 * time.Millisecond  // for an idle process to take what was published
	scoutPause   = 25 * time.Millisecond // for a woken process to start
	scoutEvery   = time.Second           // for what comes back to the queue without being published
	scoutTimeout = 2 * time.Second
)

func newScout(ctx context.Context, nc *nats.Conn, tasks jetstream.Stream, queue string, logger *slog.Logger) (*scout, error) {
	consumer, err := tasks.Consumer(ctx, broker.WorkersConsumer(broker.Normal))
	if err != nil {
		return nil, fmt.Errorf("pool: looking up the queue's consumer: %w", err)
	}
	return &scout{
		nc: nc, queue: consumer, subject: broker.TaskWildcard(queue), logger: logger,
		work: make(chan struct{}), poked: make(chan struct{}, 1),
	}, nil
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

// run wakes places while work waits, until stopped. Without any process at all,
// what was delivered and never acknowledged counts as waiting.
func (s *scout) run(stopped <-chan struct{}, processes func() int) {
	ticker := time.NewTicker(scoutEvery)
	defer ticker.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		delay := scoutDelay
		select {
		case <-stopped:
			return
		case <-s.poked:
		case <-ticker.C:
		}
		for s.sleepers() > 0 {
			pause.Reset(delay)
			select {
			case <-stopped:
				return
			case <-pause.C:
			}
			if !s.waiting(processes() == 0) {
				break
			}
			select {
			case s.work <- struct{}{}:
			case <-stopped:
				return
			case <-ticker.C: // they have all left meanwhile
			}
			delay = scoutPause
		}
	}
}

func (s *scout) sleepers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dormant
}

func (s *scout) waiting(nobody bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), scoutTimeout)
	defer cancel()
	info, err := s.queue.Info(ctx)
	if err != nil {
		s.logger.Debug("asking the queue for work", "error", err)
		return false
	}
	return info.NumPending > 0 || nobody && info.NumAckPending > 0
}
