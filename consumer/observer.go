package consumer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
)

// Observer is told of the attempts at tasks, as tracing needs it: see package
// tracing. Its methods hold up the process until they return.
type Observer interface {
	// Begin is called before the handler of an attempt, with its context; the handler
	// gets the one that Begin returns, which must be derived from it. The observation
	// may be nil.
	//
	// A supervisor calls it too, with a context of nothing, for an attempt that has
	// ended with its process: that process can tell nobody any more.
	Begin(ctx context.Context, a Attempt) (context.Context, Observation)
	// Flush is called when a worker process leaves in good order. It waits until ctx
	// ends at most.
	Flush(ctx context.Context) error
}

// Attempt is what an [Observer] hears of an attempt.
type Attempt struct {
	Info
	Queue  string
	Host   string
	PID    int       // of the worker process
	Stored time.Time // when the broker stored the task for this attempt
	Began  time.Time
	Died   bool // it ended with its process
}

// Observation is what an [Observer] wants to know further of one attempt.
type Observation interface {
	// Ended is called when the handler has returned, or its process has died. The
	// failure is nil if there is a value.
	Ended(failure *codec.Failure)
	// HandedOff is called, from any goroutine, when the outcome is in safe hands, or
	// the task is stored for its next attempt; or else with an error. It is not called
	// for an attempt that ended with its process.
	HandedOff(err error)
}

// observer is told of attempts, if it is not nil. It is set before anything is
// served.
var observer Observer

// Observe sets what is told of attempts in this process, and in the worker
// processes that are started from its program. Like [Handle] it belongs before
// pool.Main, and it panics if o is nil or there is an observer already.
func Observe(o Observer) {
	registered.mu.Lock()
	defer registered.mu.Unlock()
	if o == nil || observer != nil {
		panic("consumer: Observe needs an observer, once")
	}
	observer = o
}

// ObserveDeath tells the observer, if there is one, of an attempt that ended with
// its process. Package pool calls it.
func ObserveDeath(a Attempt, failure *codec.Failure) {
	if observer == nil {
		return
	}
	if _, o := observer.Begin(context.Background(), a); o != nil {
		o.Ended(failure)
	}
}

// observeBegin tells the observer that the task of a context begins.
func (e *executor) observeBegin(ctx *taskContext) context.Context {
	a := Attempt{Info: ctx.info(), Queue: e.Queues[e.run.Queue], Host: e.Host, PID: e.PID, Stored: e.run.Stored, Began: e.began}
	observed, o := observer.Begin(ctx, a)
	e.observation = o
	return observed
}

// observeEnd tells the observer that the current task has ended.
func (e *executor) observeEnd(failure *codec.Failure) {
	o := e.observation
	if o == nil {
		return
	}
	e.observation = nil
	o.Ended(failure)
	e.observed.add(e.run.ID, e.index, o)
}

// observed are the observations of tasks whose outcomes are not in safe hands yet, as
// far as this process has heard.
type observed struct {
	mu      sync.Mutex
	all     map[attemptKey]Observation
	telling int           // observations that are being told
	changed chan struct{} // closed when one was told; nil while nobody waits
}

type attemptKey struct {
	run   uint64
	index int
}

func (d *observed) add(run uint64, index int, o Observation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil {
		d.all = map[attemptKey]Observation{}
	}
	d.all[attemptKey{run, index}] = o
}

func (d *observed) handedOff(run uint64, index int, err error) {
	d.mu.Lock()
	key := attemptKey{run, index}
	o := d.all[key]
	if o == nil {
		d.mu.Unlock()
		return
	}
	delete(d.all, key)
	d.telling++
	d.mu.Unlock()
	o.HandedOff(err)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.telling--
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}

// wait waits until every outcome is in safe hands and its observation has heard so, at
// most for so long.
func (d *observed) wait(timeout time.Duration) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		d.mu.Lock()
		if len(d.all) == 0 && d.telling == 0 {
			d.mu.Unlock()
			return
		}
		if d.changed == nil {
			d.changed = make(chan struct{})
		}
		changed := d.changed
		d.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C:
			return
		}
	}
}

// flushTimeout bounds how long a process that leaves waits for its observer.
const flushTimeout = 5 * time.Second

func (w *Worker) flushObserver() {
	if observer == nil {
		return
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), flushTimeout, errors.New("a worker process waits no longer"))
	defer cancel()
	if err := observer.Flush(ctx); err != nil {
		w.Logger.Warn("what was observed of tasks is lost", "error", err)
	}
}
