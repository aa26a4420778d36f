package pool

import (
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// attempt is what a process ran when it died, and what the attempt counts as.
type attempt struct {
	runIndex
	id     codec.ID
	d      *delivery // it may be over once it is decided what becomes of the task
	at     int       // index of the task in the delivery
	task   *codec.Task
	number int // of the attempt, from 1
	stored time.Time
	began  time.Time
	// code is what the attempt counts as: [codec.CodeWorkerDied], or why the task was to
	// be stopped. It is empty for one that is not charged, since it is not to blame.
	code codec.Code
}

// isCharged reports whether there was an attempt that counts as one.
func (a *attempt) isCharged() bool { return a != nil && a.code != "" }

// isStopped reports whether there was an attempt at a task that was to be stopped.
func (a *attempt) isStopped() bool { return a.isCharged() && a.code != codec.CodeWorkerDied }

// lose takes the tasks of a process that has died: those that it did not run wait
// again, before all others. It returns the one that ran, nil if none did, of which
// nothing is decided yet.
//
// Of a process that has harmed its link, that is the one that has begun and has no
// outcome: it may have returned since, and would do the same again without end. If
// there are several, nobody knows which it was, and each runs again by itself.
func (s *scheduler) lose(dead *process, harmed bool) (ran *attempt) {
	s.do(func(t *turn) {
		w := dead.work
		if w == nil {
			return
		}
		w.closing = true
		for i := range s.workers {
			if s.workers[i] == w {
				s.workers = append(s.workers[:i], s.workers[i+1:]...)
				break
			}
		}
		suspect := w.suspect()
		for i := len(w.runs) - 1; i >= 0; i-- {
			r := w.runs[i]
			r.d.running -= r.end - r.received
			p := w.board.Look(r.id, r.end)
			switch {
			case harmed && r == suspect:
				ran = s.loseSuspects(r, p)
			case !harmed && ran == nil && p.Running() && p.Begun > r.received:
				ran = s.loseRunning(r, p)
			default:
				s.waitAgain(r, r.received, r.end)
			}
		}
		w.runs = nil
	})
	return ran
}

// suspect returns the first run with a task that has begun and has no outcome, nil if
// there is none. A process sends the outcomes of a run before it begins the next.
func (w *worker) suspect() *run {
	for _, r := range w.runs {
		if w.board.Look(r.id, r.end).Begun > r.received {
			return r
		}
	}
	return nil
}

// waitAgain has tasks of a run wait before all others, from one index to before another.
func (s *scheduler) waitAgain(r *run, from, to int) {
	s.wait(span{d: r.d, from: r.from + from, to: r.from + to, since: r.since}, true)
}

// loseRunning takes the tasks of a run of which the latest task runs.
func (s *scheduler) loseRunning(r *run, p scoreboard.Progress) *attempt {
	index := p.Begun - 1
	s.waitAgain(r, p.Begun, r.end)
	s.waitAgain(r, r.received, index)
	r.d.running++ // until it is decided
	task := r.task(index)
	return &attempt{
		runIndex: runIndex{r.id, index}, id: codec.ID{Client: r.d.batch.Client, N: task.N},
		d: r.d, at: r.from + index, task: task, number: task.Attempt(), stored: r.d.info.Stored, began: p.Since,
	}
}

// loseSuspects takes the tasks of a run of which one has harmed the link.
func (s *scheduler) loseSuspects(r *run, p scoreboard.Progress) *attempt {
	if p.Begun == r.received+1 {
		return s.loseRunning(r, p)
	}
	s.waitAgain(r, p.Begun, r.end)
	for i := p.Begun - 1; i >= r.received; i-- {
		s.waitAgain(r, i, i+1)
	}
	return nil
}

// decided notes that it is decided what becomes of a task that ran when its process
// died, and does it.
func (s *scheduler) decided(a *attempt, how func(t *turn)) {
	s.do(func(t *turn) {
		a.d.running--
		how(t)
	})
}

// rerun has a task run again that is not charged.
func (s *scheduler) rerun(a *attempt) {
	s.decided(a, func(t *turn) {
		s.wait(span{d: a.d, from: a.at, to: a.at + 1, since: t.now}, true)
	})
}

// charge stores a task again that has an attempt less: alone, so that a task that ends
// its process troubles no other again, and in the high lane, since it has waited its
// turn. The charge is stored with it, and so outlives this host.
func (s *scheduler) charge(a *attempt) {
	s.decided(a, func(t *turn) {
		alone := codec.NewBatch(a.d.batch.Client, nil)
		alone.Add(a.task)
		s.store(t, a.d, "putback", alone.Bytes(), broker.TaskSubject(s.queueOf(a.d), broker.High),
			func(t *turn, err error) { s.handedOff(t, a.d, 1, err) })
	})
}

// fail passes on that a task has failed, and will not run again.
func (s *scheduler) fail(a *attempt, f *codec.Failure) {
	s.decided(a, func(t *turn) {
		s.settleApart(t, a.d, a.task, codec.Outcome{N: a.task.N, Run: t.now.Sub(a.began), Failure: f}, nil)
	})
}

// noteAttempt decides what the attempt that died with a process counts as, and counts it.
func (s *Supervisor) noteAttempt(x *exit) {
	ran := x.ran
	switch {
	case ran == nil:
		return
	case ran.runIndex == x.stop.runIndex:
		ran.code = x.stop.why
	case s.isKilling() || x.ending.task.run != 0:
		return // our doing, to end all or another task, not this one's
	default:
		ran.code = codec.CodeWorkerDied
	}
	s.scheduler.mu.Lock()
	defer s.scheduler.mu.Unlock()
	s.scheduler.note(x.work, ran.d, ran.task.N, ran.task.Func, ran.code, ran.began, time.Since(ran.began))
}

// recover decides what becomes of the task that a process ran when it died, and reports
// whether that is charged an attempt. It is the one place that does. The others run
// elsewhere by then.
func (s *Supervisor) recover(x *exit) (charged bool) {
	ran := x.ran
	switch {
	case !ran.isCharged():
		s.scheduler.rerun(ran)
		return false
	case ran.isStopped():
		s.scheduler.fail(ran, &codec.Failure{
			Code: ran.code, Message: x.stop.message, Host: s.cfg.Host, PID: x.PID(), Attempt: ran.number,
		})
		return true
	}
	if ran.task.Crashes++; ran.task.Crashes < ran.task.CrashBudget() {
		s.scheduler.charge(ran)
		return true
	}
	<-x.Exited() // the cause is known once the process's output has ended
	s.scheduler.fail(ran, x.death(true, false).failure(s.cfg.Host, ran.number))
	return true
}
