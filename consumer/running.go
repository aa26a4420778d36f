package consumer

import (
	"context"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
)

// running is the task that runs now, as others than the executor see it.
type running struct {
	mu       sync.Mutex
	task     *taskContext // nil when nothing runs
	run      uint64
	index    int
	reported reported
	stopped  stopped       // what was to be stopped last
	wake     chan struct{} // made by the watcher while it sleeps
}

// stopped is a task that is to be stopped.
type stopped struct {
	run   uint64 // 0 for none
	index int
	why   codec.Code
}

// begin notes that a task runs, in place of the one before.
func (r *running) begin(task *taskContext, run uint64, index int, since time.Time) {
	r.mu.Lock()
	r.task, r.run, r.index = task, run, index
	if s := r.stopped; s.run == run && s.index == index { // it was told while the task was beginning
		task.stop(s.why)
	}
	if r.reported.any {
		r.reported = reported{}
	}
	wake := r.wake
	r.mu.Unlock()
	if wake != nil {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// end notes that nothing runs any more.
func (r *running) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.task = nil
}

// stop stops a task, if it is the one that runs.
func (r *running) stop(run uint64, index int, why codec.Code) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = stopped{run, index, why}
	if r.task != nil && r.run == run && r.index == index {
		r.task.stop(why)
	}
}

func (r *running) active() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.task != nil
}

const (
	// watchInterval is how often the watcher looks at what runs, while anything does.
	watchInterval = 2 * time.Millisecond
	// quietTicks is after how many looks at an idle process the watcher sleeps.
	quietTicks = 20
)

// watch sends, behind a task that runs long, the outcomes of those before it, and the
// reports of its progress.
func (w *Worker) watch(ctx context.Context) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	quiet := 0
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			w.sendReport(now)
			if err := w.outbox.flushIfOld(now); err != nil {
				w.Logger.Debug("sending outcomes", "error", err)
			}
		}
		if quiet++; w.running.active() {
			quiet = 0
		}
		if quiet < quietTicks {
			continue
		}
		ticker.Stop()
		if !w.sleep(ctx) {
			return
		}
		ticker.Reset(watchInterval)
		quiet = 0
	}
}

// sleep waits until a task runs, and reports false when ctx ended first.
func (w *Worker) sleep(ctx context.Context) bool {
	wake := make(chan struct{}, 1)
	w.running.mu.Lock()
	w.running.wake = wake
	active := w.running.task != nil
	w.running.mu.Unlock()
	defer func() {
		w.running.mu.Lock()
		w.running.wake = nil
		w.running.mu.Unlock()
	}()
	if active {
		return true
	}
	select {
	case <-wake:
		return true
	case <-ctx.Done():
		return false
	}
}
