package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// Config is what a worker process needs to serve.
type Config struct {
	Conn   *nats.Conn        // stays the caller's
	Queue  string            // whose stream and consumers exist
	Board  *scoreboard.Board // where the supervisor reads what the process does
	Host   string            // name of the host, for errors and notices
	PID    int
	Logger *slog.Logger
	Ready  func() // called once when the process begins to pull; may be nil
}

// handOffPatience bounds how long a worker that stops waits for outcomes to be
// taken over. What is left then is run again elsewhere.
const handOffPatience = 5 * time.Second

// Serve pulls tasks from a queue and runs them, one at a time, until ctx ends.
// Then it finishes the task it runs, hands off what is finished and gives back
// the rest; tasks of a batch that it had begun stay noted on the board, for the
// supervisor to put back. Its error wraps [ErrNoHandlers] or a cause of the
// broker's.
func Serve(ctx context.Context, cfg Config) error {
	w := &worker{Config: cfg, handlers: handlers(), queue: make(chan *delivery, scoreboard.Slots)}
	if len(w.handlers) == 0 {
		return ErrNoHandlers
	}
	publisher, err := broker.NewPublisher(cfg.Conn)
	if err != nil {
		return err
	}
	defer publisher.Close()
	w.publisher = publisher
	desk, err := handoff.New(cfg.Conn, publisher, cfg.Logger)
	if err != nil {
		return err
	}
	defer desk.Close()
	w.outbox = newOutbox(desk)

	cancels, err := cfg.Conn.Subscribe(broker.CancelSubject(cfg.Queue), w.receiveCancel)
	if err != nil {
		return fmt.Errorf("consumer: subscribing to cancel requests: %w", err)
	}
	defer unsubscribe(cancels, cfg.Logger)
	w.puller = newPuller(cfg.Conn, cfg.Queue, cfg.Logger, w.demand, w.receive)
	if err := w.puller.open(); err != nil {
		return err
	}

	var background sync.WaitGroup
	life, end := context.WithCancel(context.Background())
	background.Go(func() { w.puller.watch(life) })
	background.Go(func() { w.observe(life) })
	if cfg.Ready != nil {
		cfg.Ready()
	}
	executed := make(chan struct{})
	go w.execute(ctx, executed)
	<-executed

	w.puller.close()
	end()
	background.Wait()
	w.giveBackQueue()
	w.outbox.flush()
	w.outbox.wait(handOffPatience)
	return nil
}

func unsubscribe(s *nats.Subscription, logger *slog.Logger) {
	if err := s.Unsubscribe(); err != nil {
		logger.Debug("unsubscribing", "subject", s.Subject, "error", err)
	}
}
