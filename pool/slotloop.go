package pool

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

// slotLoop is the goroutine of a slot, which keeps its processes until the slot is gone.
// What it knows of the slot and its process beyond their shared state is its own.
type slotLoop struct {
	*slot
	started  func(error)     // reports how the first start ended: nil once a process is ready
	quitting <-chan struct{} // nil once it was obeyed
	early    int             // processes in a row that died early
	pending  bool            // a process is to come that the scheduler counts on
	timer    *time.Timer     // of the state: see expire
	limits   *time.Timer     // looks at the limits of what runs
	steps    *time.Timer     // takes the next step to stop a task

	// Of the current process.
	reported
	killing   <-chan struct{} // nil once it was obeyed
	events    <-chan event    // nil once it has ended
	overdueAt time.Time       // when it must have reached Main, or be ready
	warning   time.Duration   // after which the log says the next time that it takes long
	harmed    bool            // it lived on without a link, or did not keep to its protocol
	stop      stopRequest
	step      int       // the next of stopSteps
	stepAt    time.Time // when to take it
}

// reported is what a process has said of itself.
type reported struct {
	main   bool             // it has reached Main
	failed string           // what was wrong, when it ended
	left   consumer.Leaving // why it left in good order, if it did
	waits  int              // 1 while its handler waits for another task
}

// run keeps the slot's processes until the slot is gone. It calls started with nil when
// a process is ready or none is needed, or with the reason why the first was not; the
// first call is the one that counts.
func (s *slot) run(started func(error)) {
	l := &slotLoop{
		slot: s, started: started, quitting: s.quit,
		timer: stoppedTimer(), limits: stoppedTimer(), steps: stoppedTimer(),
	}
	if s.host.cfg.OnDemand {
		l.becomeDormant()
	} else {
		l.prepare()
	}
	for l.state != slotGone {
		l.next()
	}
	l.timer.Stop()
	l.startDone()
	started(nil)
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(0)
	t.Stop()
	return t
}

// next takes the next thing that happens to the slot.
func (l *slotLoop) next() {
	var wake, turn, died, look, killing <-chan struct{}
	switch l.state {
	case slotDormant:
		wake = l.wake
	case slotWaiting:
		turn = l.host.startTurn
	}
	if p := l.process; p != nil {
		died, look, killing = p.Died(), p.look, l.killing
	}
	select {
	case <-died:
		l.exit()
	case <-l.quitting:
		l.quitting = nil
		l.drain()
	case <-killing:
		l.killing = nil
		l.host.end(l.process, ending{})
	case e, ok := <-l.events:
		if !ok {
			l.events = nil
			return
		}
		l.handle(e)
	case <-look:
		l.checkLimits()
		l.checkStop()
	case <-l.limits.C:
		l.checkLimits()
	case <-l.steps.C:
		l.checkStop()
	case <-l.timer.C:
		l.expire()
	case <-wake:
		l.pending = true
		l.prepare()
	case <-turn:
		l.start()
	}
}

// enter makes a state of the slot's its current one, which all see.
func (l *slotLoop) enter(state slotState) {
	l.host.mu.Lock()
	defer l.host.mu.Unlock()
	l.state = state
}

// becomeDormant has the slot be without a process until there is work.
func (l *slotLoop) becomeDormant() {
	l.started(nil)
	l.enter(slotDormant)
	l.host.scheduler.addDormant(l.wake)
}

// prepare has the slot start a process when it is its turn.
func (l *slotLoop) prepare() {
	if !l.pending {
		l.pending = true
		l.host.scheduler.startPending()
	}
	l.enter(slotWaiting)
	if l.host.firstStart.CompareAndSwap(false, true) {
		time.AfterFunc(aloneTime, l.host.startOthers)
		l.start()
	}
}

// startDone notes that no process is to come any more: it is ready, or has failed.
func (l *slotLoop) startDone() {
	if l.pending {
		l.pending = false
		l.host.scheduler.startDone()
	}
}

// start starts a process.
func (l *slotLoop) start() {
	if l.isLeaving() {
		return
	}
	l.early++
	p, err := l.host.start(l.number)
	if err != nil {
		l.host.cfg.Logger.Error("a worker process could not be started", "error", err)
		l.startDone()
		l.started(err)
		l.restart()
		return
	}
	l.killing, l.events = l.host.killing, p.events
	l.reported, l.harmed, l.stop = reported{}, false, stopRequest{}
	l.overdueAt, l.warning = p.startedAt.Add(setupTimeout), setupWarning
	l.timer.Reset(l.warning)
	l.host.mu.Lock()
	l.process, l.state = p, slotStarting
	l.host.mu.Unlock()
}

// handle takes an event of the process.
func (l *slotLoop) handle(e event) {
	if e.harmed != nil {
		l.harmed = true
		l.host.cfg.Logger.Error("a worker process does not keep to the protocol; killing it", "pid", l.process.PID(), "error", e.harmed)
		l.host.end(l.process, ending{cause: codec.CauseSignal, why: "since it did not keep to the protocol of its link"})
		return
	}
	r := e.report
	if r.Main && !l.main {
		l.main = true
		l.host.startOthers()
		l.overdueAt = time.Now().Add(readyTimeout)
		if !l.ready {
			l.timer.Reset(readyTimeout)
		}
		l.host.setUp(l.process)
	}
	if r.Failed != "" {
		l.failed = r.Failed
	}
	if r.Ready && !l.ready {
		l.markReady(r)
	}
	if r.Left != "" {
		l.left = r.Left
		l.host.scheduler.close(l.process)
		l.enter(slotDraining)
	}
	if waits := min(max(r.Waits, -l.waits), 1-l.waits); waits != 0 {
		l.waits += waits
		l.host.waitingChanged(waits)
	}
}

// markReady has a process that is ready get tasks, unless it is to go.
func (l *slotLoop) markReady(r report) {
	l.host.mu.Lock()
	l.ready = true
	l.host.mu.Unlock()
	l.timer.Stop()
	l.host.noteReady(r.Funcs)
	if l.state == slotStarting {
		l.enter(slotServing)
		if idle := l.host.cfg.IdleTimeout; idle > 0 {
			l.timer.Reset(idle)
		}
		l.host.scheduler.join(l.process, r.Observes)
		if l.host.cfg.Listener.Ready != nil {
			l.host.cfg.Listener.Ready(l.process.PID())
		}
	}
	l.startDone()
	l.started(nil)
}

// expire does what is due in the slot's state.
func (l *slotLoop) expire() {
	switch l.state {
	case slotServing:
		retired, again := l.host.scheduler.retire(l.process, l.host.cfg.IdleTimeout)
		if !retired {
			l.timer.Reset(again)
			return
		}
		l.process.leave(consumer.LeavingIdle)
		l.enter(slotDraining)
	case slotStarting, slotDraining:
		if l.ready {
			return
		}
		if until := time.Until(l.overdueAt); until > 0 {
			l.host.cfg.Logger.Warn("a worker process is still in the program's set-up before pool.Main",
				"pid", l.process.PID(), "for", time.Since(l.process.startedAt).Round(time.Second), "timeout", setupTimeout)
			l.warning *= 2
			l.timer.Reset(min(l.warning, until))
			return
		}
		l.giveUp()
	case slotBackoff:
		l.prepare()
	}
}

// giveUp kills a process that is not ready when it must be: it hangs, and would keep its
// slot empty.
func (l *slotLoop) giveUp() {
	l.failed = fmt.Sprintf("not within %v", readyTimeout)
	if !l.main {
		l.failed = fmt.Sprintf("it did not reach pool.Main within %v", setupTimeout)
	}
	l.host.end(l.process, ending{cause: codec.CauseUnready, why: "since it was not ready in time"})
}

// drain has the slot go, when its process has finished what it runs.
func (l *slotLoop) drain() {
	switch l.state {
	case slotDormant:
		if !l.host.scheduler.removeDormant(l.wake) {
			l.pending = true // it was woken
		}
		l.enter(slotGone)
	case slotWaiting, slotBackoff:
		l.enter(slotGone)
	case slotStarting, slotServing:
		if l.main {
			l.host.scheduler.close(l.process)
			l.process.leave(consumer.LeavingDrained)
		} else {
			// It has nothing to finish, and might take minutes to read an order.
			l.host.end(l.process, ending{unneeded: true})
		}
		l.enter(slotDraining)
	}
}

// exit collects what is known of a process that has died, and chooses the slot's next state.
func (l *slotLoop) exit() {
	p := l.process
	if err := p.endReports(); err != nil {
		l.host.cfg.Logger.Debug("reading the last reports", "pid", p.PID(), "error", err)
	}
	if l.events != nil {
		for e := range l.events {
			l.handle(e)
		}
	}
	for _, t := range []*time.Timer{l.timer, l.limits, l.steps} {
		t.Stop()
	}
	l.startDone()
	x := &exit{
		process: p, slot: l.slot, reported: l.reported, ready: l.ready,
		ran: l.host.scheduler.lose(p, l.harmed),
	}
	x.ending, x.stop = p.howEnded()
	l.host.noteAttempt(x)
	if x.isExplained() || time.Since(p.startedAt) > minUptime || l.host.scheduler.served(p) > 0 {
		l.early = 0
	}
	l.host.mu.Lock()
	l.process, l.ready = nil, false
	l.host.mu.Unlock()
	if l.waits != 0 {
		l.host.waitingChanged(-l.waits)
	}
	// Beside the next process's start: neither waits for the other.
	l.host.recoveries.Go(func() {
		if unready := l.host.handleExit(x); unready != nil {
			l.started(unready)
		}
	})
	if l.left == consumer.LeavingIdle && !l.isLeaving() {
		l.becomeDormant()
		return
	}
	l.restart()
}

// restart starts the next process, at once or after a delay, unless the slot is to go.
func (l *slotLoop) restart() {
	if l.isLeaving() {
		l.enter(slotGone)
		return
	}
	delay := backoff(l.early)
	if delay == 0 {
		l.prepare()
		return
	}
	delay += rand.N(delay / 4)
	l.host.cfg.Logger.Warn("worker processes die soon after their start; waiting before the next", "in_a_row", l.early, "wait", delay)
	l.enter(slotBackoff)
	l.timer.Reset(delay)
}
