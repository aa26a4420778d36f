package pool

import (
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// attempt is what a process ran when it died.
type attempt struct {
	runIndex
	d     *delivery
	task  *codec.Task
	began time.Time
}

func (a *attempt) id() codec.ID { return codec.ID{Client: a.d.batch.Client, N: a.task.N} }

// lose takes the tasks of a process that has died: those that it did not run wait
// again, before all others. It returns the one that ran, nil if none did, of which
// nothing is decided yet. Of a process that has harmed its link it is the last one that
// has begun and has no outcome, even if that has ended: else a task that does such harm
// and returns would run again without end, and never be charged.
func (s *scheduler) lose(c *child) (ran *attempt) {
	broken := c.isBroken()
	s.do(func(t *turn) {
		w := c.work
		if w == nil || w.lost {
			return
		}
		w.lost, w.closing = true, true
		for i := range s.workers {
			if s.workers[i] == w {
				s.workers = append(s.workers[:i], s.workers[i+1:]...)
				break
			}
		}
		for i := len(w.runs) - 1; i >= 0; i-- {
			if a := s.loseRun(w, w.runs[i], ran == nil, broken); a != nil {
				ran = a
			}
		}
		w.runs = nil
	})
	return ran
}

// loseRun takes the tasks of one run, and returns the one that ran, if it may have.
func (s *scheduler) loseRun(w *worker, r *run, may, broken bool) (ran *attempt) {
	from := r.received
	r.d.running -= r.end - from
	p := w.board.Look(r.id, r.end)
	if index := p.Begun - 1; may && (p.Running() || broken) && index >= from {
		s.wait(span{d: r.d, from: r.from + index + 1, to: r.from + r.end, since: r.since}, true)
		s.wait(span{d: r.d, from: r.from + from, to: r.from + index, since: r.since}, true)
		r.d.running++ // until it is decided
		return &attempt{runIndex: runIndex{r.id, index}, d: r.d, task: r.task(index), began: p.Since}
	}
	s.wait(span{d: r.d, from: r.from + from, to: r.from + r.end, since: r.since}, true)
	return nil
}

// decided notes that it is decided what becomes of a task that ran when its process
// died, and does it.
func (s *scheduler) decided(a *attempt, how func(t *turn)) {
	s.do(func(t *turn) {
		a.d.running--
		how(t)
		if a.d.failed {
			s.settle(t, a.d)
		}
	})
}

// rerun has a task run again that is not charged.
func (s *scheduler) rerun(a *attempt) {
	s.decided(a, func(t *turn) {
		for i := range a.d.batch.Tasks {
			if &a.d.batch.Tasks[i] == a.task {
				s.wait(span{d: a.d, from: i, to: i + 1, since: t.now}, true)
			}
		}
	})
}

// charge stores a task again that has an attempt less: alone, so that a task that ends
// its process troubles no other again, and in the high lane, since it has waited its
// turn. The charge is stored with it, and so outlives this host.
func (s *scheduler) charge(a *attempt) {
	s.decided(a, func(t *turn) {
		alone := codec.NewBatch(a.d.batch.Client, nil)
		alone.Add(a.task)
		s.store(t, a.d, 1, "putback", alone.Bytes(), broker.TaskSubject(s.cfg.Queue, broker.High),
			func(t *turn, err error) { s.handedOff(t, a.d, 1, err) })
	})
}

// fail passes on that a task has failed, and will not run again.
func (s *scheduler) fail(a *attempt, f *codec.Failure) {
	s.decided(a, func(t *turn) {
		s.settleApart(t, a.d, a.task, codec.Outcome{N: a.task.N, Run: t.now.Sub(a.began), Failure: f}, nil)
	})
}

// recover decides what becomes of the task that a process ran when it died, and
// reports whether that is charged an attempt. It is the one place that does. The
// others run elsewhere by then.
func (p *place) recover(c *child, ran *attempt) (charged bool) {
	s := p.scheduler
	v, sentenced := c.verdictOn(ran.runIndex)
	switch {
	case sentenced:
		s.fail(ran, &codec.Failure{
			Code: v.why, Message: v.message, Host: p.cfg.Host, PID: c.PID(), Attempt: ran.task.Attempt(),
		})
		return true
	case p.killing.Load() || c.diedForAnother(ran.runIndex):
		s.rerun(ran) // our doing, not the task's
		return false
	}
	attempt := ran.task.Attempt()
	if ran.task.Crashes++; ran.task.Crashes < ran.task.CrashBudget() {
		s.charge(ran)
		return true
	}
	<-c.Exited() // the cause is known once the process's output has ended
	s.fail(ran, newDeath(c, true, false).failure(p.cfg.Host, attempt))
	return true
}
