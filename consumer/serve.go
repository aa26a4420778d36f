package consumer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/objects"
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
	Tenure Tenure
	// MaxValue is the largest argument or result, in bytes; DefaultMaxValue if 0.
	MaxValue int64

	// The rest is how the process speaks to its supervisor. Each may be nil.

	Ready func()                 // called once when the process begins to pull
	Watch func(at time.Time)     // asks the supervisor to look at the limit of what runs
	Wait  func() (resume func()) // tells that the handler waits for another task
	// Elsewhere returns how many worker processes the queue's hosts have if another of
	// them has a handler for a func, and else 0. It returns within about a second.
	Elsewhere func(name string) (processes int)
}

// handOffPatience bounds how long a worker that leaves waits for outcomes to be
// taken over. What is left then is run again elsewhere.
const handOffPatience = 5 * time.Second

// New makes a worker. Its error wraps [ErrNoHandlers].
func New(cfg Config) (*Worker, error) {
	w := &Worker{Config: cfg, functions: functions(), backlog: newBacklog()}
	if len(w.functions) == 0 {
		return nil, ErrNoHandlers
	}
	if w.MaxValue == 0 {
		w.MaxValue = DefaultMaxValue
	}
	w.objects = objects.New(cfg.Conn, cfg.Logger)
	w.openJournal()
	return w, nil
}

// Serve pulls tasks from the queue and runs them, one at a time, until ctx or
// the worker's tenure ends. Then it finishes the task it runs, hands off what is
// finished and gives back the rest; tasks of a batch that it had begun stay
// noted on the board, for the supervisor to put back. It is called once. Its
// error is a cause of the broker's.
func (w *Worker) Serve(ctx context.Context) (Leaving, error) {
	publisher, err := broker.NewPublisher(w.Conn)
	if err != nil {
		return "", err
	}
	defer publisher.Close()
	w.publisher = publisher
	desk, err := handoff.New(w.Conn, publisher, w.Board, w.Logger)
	if err != nil {
		return "", err
	}
	defer desk.Close()
	w.desk, w.outbox = desk, newOutbox(desk)

	for _, lane := range broker.Lanes {
		w.pullers[lane] = newPuller(w.Conn, w.Queue, lane, w.Logger, w.demand, w.receive)
	}
	for _, p := range w.pullers {
		if err := p.open(); err != nil {
			return "", err
		}
	}

	var background sync.WaitGroup
	life, end := context.WithCancel(context.Background())
	for _, p := range w.pullers {
		background.Go(func() { p.watch(life) })
	}
	background.Go(func() { w.observe(life) })
	if w.Ready != nil {
		w.Ready()
	}
	left := make(chan Leaving, 1)
	e := &executor{Worker: w, ctx: ctx, tenure: tenure{Tenure: w.Tenure}, left: left}
	go e.loop()
	why := <-left

	for _, p := range w.pullers {
		background.Go(p.close)
	}
	end()
	background.Wait()
	w.giveBackBacklog()
	w.outbox.flush()
	w.outbox.wait(handOffPatience)
	w.flushObserver()
	return why, nil
}

// Stop ends the context of a task, if it is the one that runs; it is named as on
// the scoreboard. A handler that fails then has failed for the reason given:
// codec.CodeTimeLimit or codec.CodeCancelled. It is safe for concurrent use.
func (w *Worker) Stop(client, task uint64, why codec.Code) { w.running.stop(client, task, why) }
