package consumer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// DefaultMaxValue is the largest argument or result, in bytes encoded, that a
// worker takes or returns unless it is told otherwise.
const DefaultMaxValue = 1 << 30

// Config is what a worker process needs to run tasks.
type Config struct {
	Link   *link.Conn        // to the supervisor
	Board  *scoreboard.Board // where the process takes its tasks from
	Queues []string          // by their numbers, for the observer
	Host   string            // name of the host, for the observer
	PID    int
	// MaxMessage is the largest result, in bytes, that a message carries. A larger one
	// goes to the supervisor through a pipe.
	MaxMessage int
	// MaxValue is the largest argument or result, in bytes.
	MaxValue int64
	// MaxMemory is the resident memory, in bytes, above which the process leaves at the
	// end of a task; 0 for no bound.
	MaxMemory int64
	Logger    *slog.Logger

	Order    func(link.Frame) error                        // follows an order, and keeps or closes its file; nil if there are none
	Lost     func(error)                                   // ends the process: the link has ended, or does not read
	Wait     func() (resume func())                        // tells that the handler waits for another task; may be nil
	Progress func(run uint64, index int, p codec.Progress) // passes on how far a task is
}

// Worker is the part of a worker process that runs tasks.
type Worker struct {
	Config
	functions map[string]handler
	runs      chan run
	running   running
	outbox    outbox
	watcher   watcher
	reader    reader
	values    values
	observed  observed
}

// run is a run as it has come.
type run struct {
	link.Run
	space *[]byte // that the batch stands in
}

// MaxRuns bounds the runs that wait in a process, most of which the supervisor has taken
// back.
const MaxRuns = 64

// runSpace is for the bytes of runs until their tasks are done.
var runSpace = sync.Pool{New: func() any { return new([]byte) }}

// maxSpace is how much space is kept for the next run, in bytes.
const maxSpace = 256 << 10

// New makes a worker. Its error wraps [ErrNoHandlers].
func New(cfg Config) (*Worker, error) {
	w := &Worker{Config: cfg, functions: handlers(), runs: make(chan run, MaxRuns)}
	w.watcher.wakes = make(chan struct{}, 1)
	w.reader.free = make(chan struct{}, 1)
	w.reader.free <- struct{}{}
	if len(w.functions) == 0 {
		return nil, ErrNoHandlers
	}
	if w.MaxValue == 0 {
		w.MaxValue = DefaultMaxValue
	}
	w.outbox.link = cfg.Link
	w.values.link = cfg.Link
	return w, nil
}

// Serve runs tasks, one at a time, until ctx ends, and then finishes the one that
// runs; or until the process has more memory than it may. It returns why, and is called
// once. From then on, and until the link ends, it goes on taking orders.
func (w *Worker) Serve(ctx context.Context) Leaving {
	life, end := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { w.watch(life) })
	left := make(chan Leaving, 1)
	e := &executor{Worker: w, ctx: ctx, left: left}
	go e.loop()
	var why Leaving
	select {
	case why = <-left:
	case <-ctx.Done():
		// An executor that reads may not return. It begins nothing any more.
		if why = LeavingDrained; !w.reader.idle.Load() {
			why = <-left
		}
	}
	end()
	background.Wait()
	w.flush()
	w.observed.wait(handOffTimeout)
	w.flushObserver()
	return why
}

// handOffTimeout bounds how long a process that leaves waits until the outcomes that
// it observes are in safe hands.
const handOffTimeout = 5 * time.Second

// flush sends the outcomes that wait.
func (w *Worker) flush() {
	if err := w.outbox.flush(); err != nil && !errors.Is(err, link.ErrFull) {
		w.Logger.Debug("sending outcomes", "error", err) // the supervisor is gone, and this process with it
	}
}

// Stop ends the context of a task of a run, if it is the one that runs. A handler
// that fails then has failed for the reason given: codec.CodeTimeLimit or
// codec.CodeCancelled. It is safe for concurrent use.
func (w *Worker) Stop(run uint64, index int, why codec.Code) { w.running.stop(run, index, why) }

// HandedOff tells the observer that the outcome of a task is in safe hands, or cannot
// be. It is safe for concurrent use.
func (w *Worker) HandedOff(run uint64, index int, err error) { w.observed.handedOff(run, index, err) }

// Observes reports whether there is an [Observer], which is to hear of what was handed
// off.
func Observes() bool { return observer != nil }

// Leaving says why a worker process leaves.
type Leaving string

// The reasons to leave, each in good order.
const (
	LeavingDrained Leaving = "drained" // it was told to
	LeavingTasks   Leaving = "tasks"   // it has served as many tasks as one process may
	LeavingMemory  Leaving = "memory"  // it uses more memory than a process may keep
	LeavingIdle    Leaving = "idle"    // nothing came for long enough

	leavingLost Leaving = "lost" // the supervisor is gone
)
