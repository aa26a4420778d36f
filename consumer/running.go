package consumer

import (
	"context"
	"sync"
	"sync/atomic"
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
	stopped  stopped // what was to be stopped last
}

// stopped is a task that is to be stopped.
type stopped struct {
	run   uint64 // 0 for none
	index int
	why   codec.Code
}

// begin notes that a task runs, in place of the one before.
func (r *running) begin(task *taskContext, run uint64, index int) {
	r.mu.Lock()
	r.task, r.run, r.index = task, run, index
	if s := r.stopped; s.run == run && s.index == index { // it was told while the task was beginning
		task.stop(s.why)
	}
	if r.reported.any {
		r.reported = reported{}
	}
	r.mu.Unlock()
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

const (
	// watchInterval is how often the watcher looks at what waits behind a task.
	watchInterval = 2 * time.Millisecond
	// quietLooks is after how many looks at nothing the watcher sleeps.
	quietLooks = 20
)

// watcher sends what waits behind a task that runs long: the outcomes of those before
// it, and the reports of its progress; and it has a goroutine read the link meanwhile.
// It sleeps while there is nothing of the kind, so that a process at work on a long
// task costs nothing.
type watcher struct {
	asleep atomic.Bool
	wakes  chan struct{}
}

// wake has the watcher look, if it sleeps.
func (w *watcher) wake() {
	if w.asleep.Load() && w.asleep.CompareAndSwap(true, false) {
		w.wakes <- struct{}{}
	}
}

// watch watches until ctx ends.
func (w *Worker) watch(ctx context.Context) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	taken := uint64(0)
	for quiet := quietLooks; ; quiet++ {
		if quiet >= quietLooks {
			ticker.Stop()
			w.watcher.asleep.Store(true)
			if w.hasWaiting() {
				w.watcher.wake() // it came meanwhile
			}
			select {
			case <-w.watcher.wakes:
			case <-ctx.Done():
				return
			}
			ticker.Reset(watchInterval)
			quiet = 0
		}
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			w.sendReport(now)
			if err := w.outbox.flushIfOld(now); err != nil {
				w.Logger.Debug("sending outcomes", "error", err)
			}
			latest := w.reader.taken.Load()
			if latest == taken && w.reader.unread() {
				go w.Listen()
			}
			taken = latest
		}
		if w.hasWaiting() {
			quiet = 0
		}
	}
}

// hasWaiting reports whether outcomes or a report wait to be sent, or nobody reads.
func (w *Worker) hasWaiting() bool {
	return w.outbox.some.Load() || w.running.hasReport() || w.reader.unread()
}

// hasReport reports whether a report waits to be sent.
func (r *running) hasReport() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.task != nil && r.reported.unsent
}
