package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/link"
)

// place keeps one worker process of a host, one after the other:
//
//	dormant ──work──▶ starting ──ready──▶ serving ──quit──▶ draining ──exit──▶ gone
//	   ▲                ▲ │                 │
//	   │                │ └──────died───────┤
//	   │                └─backoff─or─at once┤
//	   └──────────────idle──────────────────┘
type place struct {
	*Supervisor
	number int           // of the place, which no other has; from 0
	quit   chan struct{} // closed when the place is to go
	gone   chan struct{} // closed when it has, and nobody is told of it any more

	// Under Supervisor.mu.
	current  *child // nil between processes
	quitting bool
	died     *codec.ProcessDeath // how the last process ended, if unexpectedly
}

// Delays before a process is started after another that died young, for no reason that
// is known. One death is no pattern, so the first replacements come at once.
const (
	atOnce       = 2
	firstBackoff = 100 * time.Millisecond
	mostBackoff  = 10 * time.Second
	// goodLife is how long a process lives that does not count as dying young.
	goodLife = 10 * time.Second
)

// Bounds of the time until a process is ready.
const (
	// setupTimeout is for what a program does before [Main], such as to read a model.
	setupTimeout = 5 * time.Minute
	// setupWarning is when the log is told that it takes long, and then again after
	// twice as long.
	setupWarning = 10 * time.Second
	// readyTimeout is for the rest, an initializer included.
	readyTimeout = 30 * time.Second
	// aloneTime is how long a host's first process is alone, unless it reaches Main
	// before. So a program that fails before Main, or that does not come there in a
	// worker process and does all its work again, does so once.
	aloneTime = time.Second
)

// awaitTurn waits until the place may start a process, and reports false if the
// place is to go instead.
func (p *place) awaitTurn() bool {
	if p.firstStarts.CompareAndSwap(false, true) {
		time.AfterFunc(aloneTime, p.startOthers)
		return true
	}
	select {
	case <-p.firstReached:
		return true
	case <-p.quit:
		return false
	}
}

// startOthers lets more processes start than the first one.
func (s *Supervisor) startOthers() { s.othersStart.Do(func() { close(s.firstReached) }) }

// keep runs processes until the place is to go. It reports the first process's
// fate to started: nil when it was ready, or why it was not.
func (p *place) keep(started func(error)) {
	once := sync.Once{}
	report := func(err error) { once.Do(func() { started(err) }) }
	defer report(nil)

	dormant := p.cfg.OnDemand
	young := 0 // processes in a row that died young
	for {
		if dormant {
			report(nil)
			if !p.sleep() {
				return
			}
		} else {
			p.scheduler.expect(1)
		}
		arrive := sync.OnceFunc(func() { p.scheduler.expect(-1) })
		if !p.awaitTurn() {
			arrive()
			return
		}
		c, err := p.startChild(p.number)
		young++
		if err != nil {
			arrive()
			p.cfg.Logger.Error("a worker process could not be started", "error", err)
			report(err)
		} else {
			left, ran := p.attend(c, func(err error) { arrive(); report(err) })
			arrive()
			dormant = left == consumer.LeavingIdle
			if c.isExplained() || time.Since(c.born) > goodLife || p.scheduler.served(c) > 0 {
				young = 0
			}
			// Beside the next process's start: neither shall wait for the other.
			p.burials.Go(func() { report(p.bury(c, ran)) })
		}
		if !p.pause(young) {
			return
		}
	}
}

// sleep waits for work, and reports false if the place is to go instead.
func (p *place) sleep() bool {
	p.scheduler.addDormant(1)
	defer p.scheduler.addDormant(-1)
	select {
	case <-p.scheduler.wakes:
		return true
	case <-p.quit:
		return false
	}
}

// pause waits before the next process, and reports false if there shall be none.
func (p *place) pause(young int) bool {
	delay := time.Duration(0)
	if young > atOnce {
		delay = min(firstBackoff<<min(young-atOnce-1, 16), mostBackoff)
		delay += rand.N(delay / 4)
		p.cfg.Logger.Warn("worker processes die soon after their start; waiting before the next", "in_a_row", young, "wait", delay)
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-p.quit:
		return false
	case <-timer.C:
	}
	select {
	case <-p.quit:
		return false
	default:
		return true
	}
}

// attend follows a process until it has died. It returns why it left, if it did so in
// good order, and what it ran when it died.
func (p *place) attend(c *child, started func(error)) (left consumer.Leaving, ran *attempt) {
	p.introduce(p, c)
	go func() {
		defer close(c.listened)
		if err := c.listen(func(f link.Frame) error { return p.take(c, f, started) }); err != nil {
			p.cfg.Logger.Error("a worker process does not keep to the protocol; killing it", "pid", c.PID(), "error", err)
			if err := c.killFor(codec.CauseSignal, "since it did not keep to the protocol of its link"); err != nil {
				p.cfg.Logger.Debug("killing a worker process", "pid", c.PID(), "error", err)
			}
		}
	}()
	p.follow(c)
	if err := c.awaitReports(); err != nil {
		p.cfg.Logger.Debug("reading the last reports", "pid", c.PID(), "error", err)
	}
	ran = p.scheduler.lose(c)
	p.takeOver(c, ran)
	p.part(p, c)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left, ran
}

// follow sets a process up when it has reached [Main], has it drain when the place
// is to go, and returns when it has died.
func (p *place) follow(c *child) {
	overdue := time.NewTimer(setupTimeout)
	defer overdue.Stop()
	wait := setupWarning
	slow := time.NewTimer(wait)
	defer slow.Stop()
	idle := time.NewTimer(p.cfg.IdleTimeout)
	defer idle.Stop()
	if p.cfg.IdleTimeout == 0 {
		idle.Stop()
	}
	reached, quit := c.reached, p.quit
	for {
		select {
		case <-c.Died():
			return
		case <-reached:
			reached = nil
			slow.Stop()
			overdue.Reset(readyTimeout)
			p.startOthers()
			p.setUp(c)
		case <-slow.C:
			p.cfg.Logger.Warn("a worker process is still in the program's set-up before pool.Main",
				"pid", c.PID(), "for", time.Since(c.born).Round(time.Second), "timeout", setupTimeout)
			wait *= 2
			slow.Reset(wait)
		case <-overdue.C:
			p.giveUp(c)
		case <-quit:
			quit = nil
			if reached == nil {
				p.scheduler.close(c)
				c.leave(consumer.LeavingDrained)
			} else {
				p.dismiss(c)
			}
		case <-idle.C:
			retired, again := p.scheduler.retire(c, p.cfg.IdleTimeout)
			if retired {
				c.leave(consumer.LeavingIdle)
			} else {
				idle.Reset(again)
			}
		}
	}
}

// dismiss kills a process that has not reached [Main], whose place is to go: it has
// nothing to finish, and might take minutes to hear of it.
func (p *place) dismiss(c *child) {
	c.mu.Lock()
	c.left, c.dismissed = consumer.LeavingDrained, true
	c.mu.Unlock()
	if err := c.Kill(); err != nil {
		p.cfg.Logger.Debug("killing a process that is not needed", "pid", c.PID(), "error", err)
	}
}

// giveUp kills a process that is not ready when it should be: it hangs, and would
// keep its place empty.
func (p *place) giveUp(c *child) {
	late := fmt.Sprintf("not within %v", readyTimeout)
	if !c.hasReachedMain() {
		late = fmt.Sprintf("it did not reach pool.Main within %v", setupTimeout)
	}
	c.mu.Lock()
	ready := c.ready
	if !ready {
		c.failed = late
	}
	c.mu.Unlock()
	if ready {
		return
	}
	if err := c.killFor(codec.CauseUnready, "since it was not ready in time"); err != nil {
		p.cfg.Logger.Debug("killing a process that is not ready", "pid", c.PID(), "error", err)
	}
}

// bury sees to the tasks of a process that has died, reports its death and
// frees what belonged to it. Its error says why the process was never ready.
func (p *place) bury(c *child, ran *attempt) error {
	// The tasks first: somebody may wait for them, and the process's output may
	// take a moment to end.
	running := ran != nil && p.recover(c, ran)
	<-c.Exited()
	death := newDeath(c, running, p.killing.Load())
	unready := c.stillborn()
	switch {
	case death.Expected:
	case unready != nil:
		p.cfg.Logger.Error("a worker process was never ready", "pid", death.PID, "error", unready)
		if death.Signal != "SIGKILL" || death.OutOfMemory || c.wasKilledFor(codec.CauseUnready) { // else it was somebody else's doing
			p.miscarried(unready)
		}
	default:
		p.tell(c, death)
	}
	p.recordDeath(p, c, death, unready)
	if p.cfg.Listener.Died != nil {
		p.cfg.Listener.Died(death)
	}
	if err := c.dispose(); err != nil {
		p.cfg.Logger.Debug("disposing of a worker process", "pid", death.PID, "error", err)
	}
	return unready
}

// take takes a frame of the process's. After an error the process is of no use.
func (p *place) take(c *child, f link.Frame, started func(error)) error {
	if f.File != nil && f.Kind != link.KindStore {
		return errors.Join(fmt.Errorf("%w: a frame of kind %d with a file", errGarbage, f.Kind), f.Close())
	}
	switch f.Kind {
	case link.KindOutcomes:
		return p.scheduler.receive(c, f.Payload)
	case link.KindFetch, link.KindStore:
		return p.scheduler.value(c, f)
	case link.KindReport:
		var r report
		if err := json.Unmarshal(f.Payload, &r); err != nil {
			return fmt.Errorf("%w: %w", errGarbage, err)
		}
		p.takeReport(c, r, started)
		return nil
	}
	return fmt.Errorf("%w: a frame of kind %d", errGarbage, f.Kind)
}

func (p *place) takeReport(c *child, r report, started func(error)) {
	if r.Main && !c.hasReachedMain() {
		close(c.reached)
	}
	c.mu.Lock()
	first := r.Ready && !c.ready
	c.ready = c.ready || r.Ready
	waits := min(max(r.Waits, -c.waits), 1)
	c.waits += waits
	if r.Failed != "" {
		c.failed = r.Failed
	}
	if r.Left != "" {
		c.left = r.Left
	}
	c.mu.Unlock()
	if first {
		p.begun(r.Funcs)
		p.scheduler.join(c, r.Observes)
		if p.cfg.Listener.Ready != nil {
			p.cfg.Listener.Ready(c.PID())
		}
		started(nil)
	}
	if r.Left != "" {
		p.scheduler.close(c)
	}
	if r.Client {
		c.order(order{Client: &clientAccess{URL: p.cfg.URL, Login: p.cfg.Credentials}})
	}
	if r.Progress != nil {
		p.scheduler.report(c, *r.Progress)
	}
	if r.Pong {
		c.answered()
		p.scheduler.heard(c)
	}
	if waits != 0 {
		p.waitingChanged(waits)
	}
}
