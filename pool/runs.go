package pool

import (
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/scoreboard"
)

const (
	// runTime is how much work, in run time, a run has that is known to be short.
	runTime = 5 * time.Millisecond
	// shareTime is the least work of a run while several processes could share it.
	shareTime = 100 * time.Microsecond
	// maxRunTasks and maxRunBytes bound a run, but for a chunk.
	maxRunTasks = 2048
	maxRunBytes = 128 << 10
	// maxUnknown bounds the tasks of a run while nobody knows how long they take.
	maxUnknown = 64
	// stealTime is the least work, in run time, that is worth taking from a process for
	// an idle one.
	stealTime = 200 * time.Microsecond
	// longTime is the run time from which a task counts as long: nothing waits behind
	// it while a process is idle.
	longTime = time.Millisecond
)

// give hands a process its next run, and reports whether there was one.
func (s *scheduler) give(t *turn, w *worker) bool {
	for {
		id, ok := s.next()
		if !ok {
			return false
		}
		if s.hold(id); s.mustWait(id) {
			return false
		}
		l := s.lanes[id]
		sp := &l.spans[0]
		if s.concludeUnfit(t, sp) {
			l.trim()
			continue
		}
		n := s.cut(t, w, sp)
		if n == 0 {
			return false
		}
		s.send(t, w, *sp, n)
		sp.from += n
		sp.d.waiting -= n
		l.waiting -= n
		l.trim()
		s.start(id, n)
		return true
	}
}

// trim removes the lane's first span when it is empty.
func (l *lane) trim() {
	if l.spans[0].from < l.spans[0].to {
		return
	}
	l.spans[0] = span{}
	if l.spans = l.spans[1:]; len(l.spans) == 0 {
		l.spans = nil
	}
}

// concludeUnfit concludes the first task of a span without running it, if nobody is to
// run it any more, and reports whether it did.
func (s *scheduler) concludeUnfit(t *turn, sp *span) bool {
	failure := s.unfit(sp.d, sp.from, t.now)
	if failure == nil {
		return false
	}
	task := sp.d.batch.Task(sp.from)
	sp.from++
	sp.d.waiting--
	s.lanes[sp.d.lane].waiting--
	s.concludeHere(t, sp.d, task, failure)
	return true
}

// unfit returns the failure of a task that is not to be run, nil if it is.
func (s *scheduler) unfit(d *delivery, i int, now time.Time) *codec.Failure {
	task := d.batch.Options(i)
	switch {
	case task != nil && !task.Deadline.IsZero() && now.After(task.Deadline):
		return &codec.Failure{Code: codec.CodeExpired, Message: "deadline " + task.Deadline.Format(time.RFC3339Nano)}
	case s.isCancelled(d, i):
		return &codec.Failure{Code: codec.CodeCancelled}
	}
	return nil
}

// cut returns how many tasks of a span a process is to be given, 0 for none.
func (s *scheduler) cut(t *turn, w *worker, sp *span) int {
	n := sp.to - sp.from
	if w.maxTasks > 0 {
		n = min(n, w.maxTasks-w.given)
	}
	if sp.d.batch.Chunk || n <= 1 {
		return max(n, 0)
	}
	usual := s.stats(sp.d.batch.Func(sp.from)).usual
	share := max(s.lanes[sp.d.lane].share, 1)
	if usual == 0 {
		n = min(n, share, maxUnknown)
	} else {
		n = min(n, maxRunTasks, max(int(runTime/usual), 1), max(share, int(shareTime/usual), 1))
	}
	bytes := 0
	for i := range n {
		bytes += sp.d.batch.Size(sp.from + i)
		if i > 0 && (bytes > maxRunBytes || s.cancelled.Len() > 0 && s.unfit(sp.d, sp.from+i, t.now) != nil) {
			return i
		}
	}
	return n
}

// send hands the first n tasks of a span to a process as a run.
func (s *scheduler) send(t *turn, w *worker, sp span, n int) {
	d, from := sp.d, sp.from
	for w.lastRun++; w.uses(w.lastRun); w.lastRun++ {
	}
	w.sent++
	r := &run{id: w.lastRun, d: d, from: from, tasks: n, end: n, since: sp.since, given: t.now}
	w.runs = append(w.runs, r)
	w.given += n
	d.running += n
	w.board.Give(r.id, n)
	if d.limited {
		s.watchLimits(t, w, r)
	}
	client, tasks := d.batch.Client, d.batch.Encoded(from, from+n)
	message := link.Run{ID: r.id, Message: d.info.StreamSeq, Queue: d.lane.queue(), Stored: d.info.Stored}
	t.later(func() {
		err := w.link.Send(link.KindRun, nil, func(dst []byte) []byte {
			return link.AppendRun(dst, &message, func(dst []byte) []byte {
				return codec.AppendBatch(dst, client, tasks, n)
			})
		})
		if err != nil {
			s.logger.Debug("handing tasks to a worker process", "pid", w.PID(), "error", err)
		}
	})
}

// uses reports whether a run that the process has stands where one with a number would
// stand on the scoreboard.
func (w *worker) uses(run uint64) bool {
	for _, r := range w.runs {
		if r.id%scoreboard.Runs == run%scoreboard.Runs {
			return true
		}
	}
	return false
}

// maxSent bounds the runs that a process is sent after the latest one that it is known to
// have reached, including those that were taken back.
const maxSent = consumer.MaxRuns / 4

// takesAhead reports whether a process that is at work gets its next run: so that it
// need not wait for it, but not behind a task that has become long.
func (w *worker) takesAhead(now time.Time) bool {
	if !w.takes() || len(w.runs) != 1 || w.sent >= maxSent {
		return false
	}
	p := w.board.Look(w.runs[0].id, w.runs[0].end)
	return !p.Running() || now.Sub(p.Since) < giveBackAfter
}

// takeBack takes back what a process has not begun of a run, but for keep tasks, and
// returns how many tasks that were. They wait before all others of their lane.
func (s *scheduler) takeBack(w *worker, r *run, keep int) int {
	end := max(w.board.TakeBack(r.id, keep, r.end), r.received)
	n := r.end - end
	if n <= 0 {
		return 0
	}
	s.wait(span{d: r.d, from: r.from + end, to: r.from + r.end, since: r.since}, true)
	s.start(r.d.lane, -n)
	r.end = end
	r.d.running -= n
	w.given -= n
	if r.received == r.end {
		w.remove(r, time.Now())
	}
	return n
}

// takeBackAll takes back all that a process has not begun.
func (s *scheduler) takeBackAll(w *worker) {
	for i := len(w.runs) - 1; i >= 0; i-- {
		s.takeBack(w, w.runs[i], 0)
	}
}

// idle returns how many processes have nothing to run.
func (s *scheduler) idle() (n int) {
	for _, w := range s.workers {
		if len(w.runs) == 0 && w.takes() {
			n++
		}
	}
	return n
}

// balance hands idle processes what others have not begun.
func (s *scheduler) balance(t *turn) {
	idle := s.idle()
	for _, w := range s.workers {
		if len(w.runs) > 0 || !w.takes() {
			continue
		}
		if _, ok := s.next(); !ok && !s.steal(t) {
			return
		}
		s.setShares(idle)
		if !s.give(t, w) {
			return
		}
		idle--
	}
}

// steal takes tasks back from the process that has the most to do, and reports whether
// there were any: half of what is left of a run, and all of it behind a long task.
func (s *scheduler) steal(t *turn) bool {
	var from *worker
	var victim *run
	most, keep := time.Duration(0), 0
	for _, w := range s.workers {
		for i, r := range w.runs {
			p := w.board.Look(r.id, r.end)
			left := r.end - p.Begun
			if left <= 0 || r.d.batch.Chunk && p.Begun > 0 || s.mustWait(r.d.lane) {
				continue
			}
			long, soon := i > 0, i == 0 && t.now.Sub(r.given) < w.patience(giveBackAfter)
			if p.Running() {
				long, soon = t.now.Sub(p.Since) > longTime, false
			}
			if soon && (left == 1 || r.d.batch.Chunk) {
				continue // else it would go through all idle processes, and none begin it
			}
			usual := s.stats(r.fn(r.end - 1)).usual
			if usual == 0 {
				usual = longTime
			}
			work := time.Duration(left) * usual
			if work < stealTime && !long {
				continue
			}
			if long {
				work += longTime // before others
			}
			if work > most {
				from, victim, most = w, r, work
				if keep = left / 2; long && i == 0 || left == 1 || r.d.batch.Chunk {
					keep = 0
				}
			}
		}
	}
	if from == nil {
		return false
	}
	first := from.runs[0] == victim
	n := s.takeBack(from, victim, keep)
	if first && victim.end == 0 { // it had begun nothing
		from.doubt()
	}
	return n > 0
}
