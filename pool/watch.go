package pool

import (
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

const (
	// lookInterval is how often the scheduler looks at what runs, while anything does.
	lookInterval = 5 * time.Millisecond
	// quietLooks is after how many looks at an idle host the watcher sleeps.
	quietLooks = 20
	// announceAfter is the run time from which a task's caller is told that it has
	// started, which costs two messages.
	announceAfter = 25 * time.Millisecond
	// giveBackAfter is how long a delivery of which nothing has begun waits behind long
	// tasks until it is given back, for a process that is idle elsewhere.
	giveBackAfter = 5 * time.Millisecond
	// splitAfter is how long the rest of a batch waits until it is given back: its
	// tasks take longer than the client believed, or there is nobody to run them.
	splitAfter = 25 * time.Millisecond
	// silentAfter is how long a process may take to begin what it was given.
	silentAfter = 25 * time.Millisecond
	// maxDoubts bounds how often that doubles.
	maxDoubts = 8
)

// watch looks every few milliseconds at what runs and what waits, until stopped.
func (s *scheduler) watch(stopped <-chan struct{}) {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for quiet := 0; ; {
		select {
		case <-stopped:
			return
		case <-ticker.C:
		}
		busy := false
		s.do(func(t *turn) {
			s.look(t)
			busy = s.isBusy()
		})
		if quiet++; busy {
			quiet = 0
		}
		if quiet < quietLooks {
			continue
		}
		ticker.Stop()
		if !s.waitForWork(stopped) {
			return
		}
		ticker.Reset(lookInterval)
		quiet = 0
	}
}

// waitForWork waits until there is something to look at, and reports false when stopped
// first.
func (s *scheduler) waitForWork(stopped <-chan struct{}) bool {
	s.work.Store(false)
	defer s.work.Store(true)
	s.mu.Lock()
	busy := s.isBusy()
	s.mu.Unlock()
	if busy {
		return true
	}
	select {
	case <-s.tick:
		return true
	case <-stopped:
		return false
	}
}

// look announces tasks that run long, and gives back what waits too long for this
// host's processes.
func (s *scheduler) look(t *turn) {
	s.flushDue(t)
	allLong, ready := true, 0
	for _, w := range s.workers {
		r, p, running := w.running()
		age := time.Duration(0)
		if running {
			age = t.now.Sub(p.Since)
		}
		if !running {
			s.watchSilence(t, w)
		}
		if w.takes() {
			ready++
			allLong = allLong && age >= giveBackAfter
		}
		if running && age >= announceAfter {
			s.announce(t, w, r, p.Begun-1)
		}
		if running && age >= giveBackAfter {
			for i := len(w.runs) - 1; i >= 0; i-- {
				if w.runs[i] != r {
					s.takeBack(w, w.runs[i], 0)
				}
			}
			if age >= splitAfter && !r.d.batch.Chunk {
				s.takeBack(w, r, 0)
			}
		}
	}
	if !allLong {
		return
	}
	for _, l := range s.lanes {
		for _, d := range l.overdue(t.now, ready) {
			s.giveBack(t, d)
		}
	}
}

// watchSilence takes the tasks from a process that does not begin them, as one that was
// stopped, and asks it for a sign of life.
func (s *scheduler) watchSilence(t *turn, w *worker) {
	if len(w.runs) == 0 {
		if !w.takes() && !w.closing && !w.silent {
			s.askForSign(t, w) // all that it was sent was taken back
		}
		return
	}
	r := w.runs[0]
	begun := w.board.Look(r.id, r.end).Begun
	patience := w.patience(silentAfter)
	if begun > r.received || t.now.Sub(r.given) < patience || t.now.Sub(w.heard) < patience {
		return // its outcomes are on their way, or have just come
	}
	if r.d.batch.Chunk && begun > 0 {
		return // it is one process's
	}
	s.takeBackAll(w)
	s.askForSign(t, w)
	w.doubt()
}

// doubt notes that a process was given up on that had begun nothing of what it was
// given. It may be slow: a large argument takes its time on a busy machine, and would go
// to and fro without end.
func (w *worker) doubt() { w.doubts = min(w.doubts+1, maxDoubts) }

// patience returns how long a process may take: twice as long each time that it was given
// up on since its latest outcomes.
func (w *worker) patience(usual time.Duration) time.Duration { return usual << w.doubts }

// askForSign asks a process for a sign of life, before which it gets nothing.
func (s *scheduler) askForSign(t *turn, w *worker) {
	w.silent = true
	t.later(func() { w.order(order{Ping: true}) })
}

// heard notes that a process has answered, and so has read what it was sent before.
func (s *scheduler) heard(p *process) {
	s.do(func(*turn) {
		w := p.work
		if w == nil {
			return
		}
		w.silent = false
		if len(w.runs) == 0 {
			w.sent = 0
		}
	})
}

// overdue returns the deliveries whose tasks have waited in a lane for longer than they
// should while every process runs a long task, or there is none.
func (l *lane) overdue(now time.Time, ready int) (all []*delivery) {
	var last *delivery
	for _, sp := range l.spans {
		if sp.d == last {
			continue
		}
		last = sp.d
		wait := splitAfter
		if ready > 0 && sp.d.waiting == sp.d.batch.Len() {
			wait = giveBackAfter
		}
		if now.Sub(sp.since) >= wait {
			all = append(all, sp.d)
		}
	}
	return all
}

// announce tells the caller of a task that it runs, once.
func (s *scheduler) announce(t *turn, w *worker, r *run, index int) {
	at := runIndex{r.id, index}
	if w.announced == at {
		return
	}
	w.announced = at
	task := r.task(index)
	notice := codec.Started{N: task.N, Attempt: task.Attempt(), Host: s.cfg.Host, PID: w.PID()}
	subject := broker.StartedSubject(r.d.batch.Client)
	t.later(func() {
		if err := s.nc.Publish(subject, codec.AppendStarted(nil, &notice)); err != nil {
			s.logger.Debug("sending a started notice", "error", err)
		}
	})
}

// report passes on how far a task of a process is.
func (s *scheduler) report(p *process, at progress) {
	s.do(func(t *turn) {
		w := p.work
		if w == nil {
			return
		}
		r := w.find(at.Run)
		if r == nil || at.Index < r.received || at.Index >= r.end {
			return
		}
		task, subject := r.task(at.Index), broker.ProgressSubject(r.d.batch.Client)
		data := codec.AppendProgress(nil, task.N, task.Attempt(), codec.Progress{Done: at.Done, Total: at.Total, Note: string(at.Note)})
		t.later(func() {
			if err := s.nc.Publish(subject, data); err != nil {
				s.logger.Debug("sending a progress report", "error", err)
			}
		})
	})
}

// stop begins to end the scheduler's pulls, and has everything that has not begun go
// back to the queue.
func (s *scheduler) stop() {
	s.stopOnce.Do(func() {
		s.do(func(t *turn) {
			s.stopping = true
			for _, w := range s.workers {
				s.takeBackAll(w)
			}
		})
		for _, l := range s.lanes {
			s.closing.Go(l.puller.close)
		}
	})
}

// giveBackAll gives back all that waits.
func (s *scheduler) giveBackAll(t *turn) {
	for _, l := range s.lanes {
		for len(l.spans) > 0 {
			s.giveBack(t, l.spans[0].d)
		}
	}
}

const (
	// handOffTimeout bounds how long a host that has ended its processes waits until
	// outcomes are in safe hands. What is left then is run again elsewhere.
	handOffTimeout  = 5 * time.Second
	handOffInterval = 2 * time.Millisecond
)

// finish returns when everything is in safe hands after the last process has ended, or
// cannot be in time.
func (s *scheduler) finish(hurry func() bool) {
	s.stop()
	s.closing.Wait() // what came last goes back
	deadline := time.Now().Add(handOffTimeout)
	for {
		left := 0
		s.do(func(t *turn) {
			for client := range s.outboxes {
				s.flush(t, client)
			}
			left = s.sending + s.storing
		})
		if left == 0 || time.Now().After(deadline) || hurry() {
			return
		}
		time.Sleep(handOffInterval)
	}
}
