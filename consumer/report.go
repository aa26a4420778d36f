package consumer

import (
	"context"
	"time"

	"github.com/musterfleet/muster/codec"
)

// reportInterval is how often the reports of one task are sent, at most.
const reportInterval = 100 * time.Millisecond

// Report tells the task's caller how far the handler has come whose context this
// is. It costs little and never waits: of the reports that come quickly one after
// the other the latest is sent, and one may be lost with the connection. Its
// error is [ErrNoTask]. It is safe for concurrent use.
func Report(ctx context.Context, p codec.Progress) error {
	c, ok := ctx.Value(taskKey{}).(*taskContext)
	if !ok {
		return ErrNoTask
	}
	if c.reporter != nil {
		c.reporter.report(c, p)
	}
	return nil
}

// reporter takes the progress reports of tasks.
type reporter interface {
	report(*taskContext, codec.Progress)
}

type reportFunc func(codec.Progress)

func (f reportFunc) report(_ *taskContext, p codec.Progress) { f(p) }

// reported is what the running task has last reported.
type reported struct {
	any    bool // since the task before
	latest codec.Progress
	unsent bool
	sentAt time.Time
}

// report notes how far the running task has come, and sends it if the last report
// is long enough ago. If not, the watcher does later.
func (w *Worker) report(c *taskContext, p codec.Progress) {
	w.running.mu.Lock()
	if w.running.task != c {
		w.running.mu.Unlock()
		return // the handler has returned, and left somebody behind
	}
	w.running.reported.any, w.running.reported.latest, w.running.reported.unsent = true, p, true
	w.running.mu.Unlock()
	w.sendReport(time.Now())
	w.watcher.wake() // for one that is not due yet
}

// sendReport sends the latest report if it is due.
func (w *Worker) sendReport(now time.Time) {
	r := &w.running
	r.mu.Lock()
	if r.task == nil || !r.reported.unsent || now.Sub(r.reported.sentAt) < reportInterval {
		r.mu.Unlock()
		return
	}
	r.reported.unsent, r.reported.sentAt = false, now
	run, index, latest := r.run, r.index, r.reported.latest
	r.mu.Unlock()
	w.Progress(run, index, latest)
}
