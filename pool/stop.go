package pool

import (
	"fmt"
	"syscall"
	"time"

	"github.com/musterfleet/muster/codec"
)

// stopSteps are what is done one after the other to stop a task, and how long each may
// take to help. The handler's context ends first. The last one kills the process, with
// all that it has started; so the task ends before long.
var stopSteps = []struct {
	signal syscall.Signal // 0: the handler's context
	wait   time.Duration
}{
	{0, 500 * time.Millisecond},
	{syscall.SIGTERM, 250 * time.Millisecond},
	{syscall.SIGQUIT, 250 * time.Millisecond}, // a Go process dumps its stacks
	{syscall.SIGKILL, 0},
}

// stopRequest names a running task that is to end, and says why.
type stopRequest struct {
	runIndex
	why     codec.Code
	message string
}

// cause returns the cause of a process's death that the request brings about, and the
// words that follow "killed by signal SIGQUIT, ".
func (r stopRequest) cause() (cause codec.Cause, why string) {
	if r.why == codec.CodeCancelled {
		return codec.CauseCancelled, "since its task was cancelled while it ran"
	}
	return codec.CauseTimeLimit, "since " + r.message
}

// requestStop has the process's slot stop a task, unless it does so already.
func (p *process) requestStop(r stopRequest) {
	p.mu.Lock()
	again := p.stop.runIndex == r.runIndex
	if !again {
		p.stop = r
	}
	p.mu.Unlock()
	if !again {
		p.wakeSlot()
	}
}

// stopRequested returns the task that is to be stopped, if there is one.
func (p *process) stopRequested() stopRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stop
}

// checkStop takes the next step to stop a task, if one is due and the task still runs.
func (l *slotLoop) checkStop() {
	if r := l.process.stopRequested(); r.runIndex != l.stop.runIndex {
		l.stop, l.step, l.stepAt = r, 0, time.Now()
	}
	if l.stop.run == 0 || l.step == len(stopSteps) || !l.process.stillRuns(l.stop.runIndex) {
		return
	}
	if until := time.Until(l.stepAt); until > 0 {
		l.steps.Reset(until)
		return
	}
	step := stopSteps[l.step]
	l.step++
	l.stepAt = time.Now().Add(step.wait)
	l.steps.Reset(step.wait)
	if err := l.process.takeStep(l.stop, step.signal); err != nil {
		l.host.cfg.Logger.Debug("stopping a task", "pid", l.process.PID(), "signal", step.signal, "error", err)
	}
}

// takeStep asks a task to end, or sends a signal for it: SIGKILL to all that the process
// has started, too.
func (p *process) takeStep(r stopRequest, sig syscall.Signal) error {
	switch sig {
	case 0:
		p.order(order{Stop: &stop{Run: r.run, Index: r.index, Why: r.why}})
		return nil
	case syscall.SIGTERM: // a process of ours survives it
		return p.Signal(sig)
	}
	e := ending{task: r.runIndex, signal: sig}
	e.cause, e.why = r.cause()
	p.noteEnding(e)
	if sig == syscall.SIGKILL {
		return p.Kill()
	}
	p.quits.Store(true)
	return p.Signal(sig)
}

// checkLimits has a task stopped that has passed its limit, and sets when to look at the
// others.
func (l *slotLoop) checkLimits() {
	overdue, limit, again := l.host.scheduler.limits(l.process)
	if overdue.run != 0 {
		l.process.requestStop(stopRequest{
			runIndex: overdue, why: codec.CodeTimeLimit, message: fmt.Sprintf("the task ran longer than %v", limit),
		})
	}
	if again.IsZero() {
		l.limits.Stop()
	} else {
		l.limits.Reset(time.Until(again))
	}
}

// watchLimits has the limits of a run's tasks looked at when the first of them may pass.
func (s *scheduler) watchLimits(t *turn, w *worker, r *run) {
	limit := r.shortestLimit()
	if limit == 0 {
		return
	}
	if at := t.now.Add(limit); w.limitsAt.IsZero() || at.Before(w.limitsAt) {
		w.limitsAt = at
		t.later(w.wakeSlot)
	}
}

// shortestLimit returns the shortest limit of the tasks of a run that have no outcome,
// 0 if none has one.
func (r *run) shortestLimit() (shortest time.Duration) {
	for i := r.received; i < r.end; i++ {
		task := r.d.batch.Options(r.from + i)
		if task == nil {
			continue
		}
		if limit := task.Limit; limit > 0 && (shortest == 0 || limit < shortest) {
			shortest = limit
		}
	}
	return shortest
}

// limits returns the task of a process that has run for longer than its limit, if there
// is one, and when to look again at the others.
func (s *scheduler) limits(p *process) (overdue runIndex, limit time.Duration, again time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := p.work
	if w == nil {
		return runIndex{}, 0, time.Time{}
	}
	now := time.Now()
	look := func(at time.Time) {
		if again.IsZero() || at.Before(again) {
			again = at
		}
	}
	if running, progress, ok := w.running(); ok {
		index := progress.Begun - 1
		if task := running.task(index); task.Limit > 0 {
			if at := progress.Since.Add(task.Limit); now.Before(at) {
				look(at)
			} else {
				overdue, limit = runIndex{running.id, index}, task.Limit
			}
		}
	}
	for _, r := range w.runs {
		if shortest := r.shortestLimit(); shortest > 0 {
			look(now.Add(shortest))
		}
	}
	w.limitsAt = again
	return overdue, limit, again
}
