package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// place keeps one worker process of a host, one after the other:
//
//	starting ──ready──▶ serving ──drain──▶ draining ──exit──▶ gone
//	   ▲ │                 │
//	   │ └──────died───────┤
//	   └────── backoff ◀───┘
type place struct {
	*Supervisor

	mu      sync.Mutex
	current *child // nil between processes
}

// child is one worker process and what belongs to it.
type child struct {
	*proc.Process
	board *scoreboard.Board
	born  time.Time
	ready atomic.Bool

	mu     sync.Mutex
	failed string // what the process said was wrong
}

// Delays before a process is started after another that died young. One death
// is no pattern, so the first replacements come at once.
const (
	atOnce       = 2
	firstBackoff = 100 * time.Millisecond
	mostBackoff  = 10 * time.Second
	// goodLife is how long a process lives that does not count as dying young.
	goodLife = 10 * time.Second
)

// keep runs processes until the supervisor stops. It reports the first process's
// fate to started: nil when it was ready, or why it was not.
func (p *place) keep(started func(error)) {
	young := 0 // processes in a row that died young
	for {
		c, err := p.start()
		young++
		if err != nil {
			p.Logger.Error("a worker process could not be started", "error", err)
			started(err)
		} else {
			p.attend(c, started)
			if time.Since(c.born) > goodLife || c.board.Tasks() > 0 {
				young = 0
			}
			// Beside the next process's start: neither shall wait for the other.
			p.burials.Go(func() { started(p.bury(c)) })
		}
		if !p.pause(young) {
			return
		}
	}
}

// pause waits before the next process, and reports false if there shall be none.
func (p *place) pause(young int) bool {
	delay := time.Duration(0)
	if young > atOnce {
		delay = min(firstBackoff<<min(young-atOnce-1, 16), mostBackoff)
		delay += rand.N(delay / 4)
		p.Logger.Warn("worker processes die soon after their start; waiting before the next", "in_a_row", young, "wait", delay)
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-p.stopping:
		return false
	case <-timer.C:
		select {
		case <-p.stopping:
			return false
		default:
			return true
		}
	}
}

func (p *place) start() (*child, error) {
	board, file, err := scoreboard.New()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c := &child{board: board, born: time.Now()}
	c.Process, err = proc.Start(proc.Spec{
		Path: p.executable, Args: os.Args[:1], Env: append(os.Environ(), roleEnv+"="+roleWorker),
		Files: []*os.File{file}, Output: p.print, Guard: p.guard,
	})
	if err != nil {
		return nil, errors.Join(err, board.Close())
	}
	if err := tell(c.Control(), order{Setup: &setup{URL: p.URL, Queue: p.Queue, Host: p.Host}}); err != nil {
		p.Logger.Debug("setting up a worker process", "error", err) // its death tells more
	}
	p.mu.Lock()
	p.current = c
	p.mu.Unlock()
	return c, nil
}

// attend waits for a process to end, which it asks it to do when the supervisor
// stops.
func (p *place) attend(c *child, started func(error)) {
	go p.listen(c, started)
	select {
	case <-p.stopping:
		p.drain(c)
		<-c.Died()
	case <-c.Died():
	}
	p.mu.Lock()
	p.current = nil
	p.mu.Unlock()
}

// bury sees to the tasks of a process that has died, reports its death and
// frees what belonged to it. Its error says why the process was never ready.
func (p *place) bury(c *child) error {
	// The tasks first: somebody may wait for them, and the process's output may
	// take a moment to end.
	running := p.aftermath(c)
	<-c.Exited()
	death := newDeath(c, running, p.isStopping())
	if !death.Expected {
		p.Logger.Warn("a worker process died", "pid", death.PID, "cause", death.Cause, "task_running", death.Running)
	}
	if p.Listener.Died != nil {
		p.Listener.Died(death)
	}
	if err := errors.Join(c.Control().Close(), c.board.Close()); err != nil {
		p.Logger.Debug("disposing of a worker process", "pid", death.PID, "error", err)
	}
	if c.ready.Load() {
		return nil
	}
	return c.stillborn()
}

// listen takes the process's reports until it ends.
func (p *place) listen(c *child, started func(error)) {
	reports := json.NewDecoder(c.Control())
	for {
		var r report
		if err := reports.Decode(&r); err != nil {
			return
		}
		if r.Failed != "" {
			c.mu.Lock()
			c.failed = r.Failed
			c.mu.Unlock()
		}
		if r.Ready && c.ready.CompareAndSwap(false, true) {
			started(nil)
			if p.Listener.Ready != nil {
				p.Listener.Ready(c.PID())
			}
		}
	}
}

// drain tells a process to finish what it runs. One that cannot be told, since
// it is stuck, is killed when the supervisor's patience ends.
func (p *place) drain(c *child) {
	if err := tell(c.Control(), order{Drain: true}); err != nil {
		p.Logger.Debug("draining a worker process", "pid", c.PID(), "error", err)
	}
}

// stillborn says why a process was never ready.
func (c *child) stillborn() error {
	exit := c.Exit()
	if exit.Code == exitNoMain {
		return ErrNoMain
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != "" {
		return fmt.Errorf("%w: %s", ErrNotReady, c.failed)
	}
	return fmt.Errorf("%w: %s%s", ErrNotReady, exit, stderrTail(exit.Stderr))
}

func stderrTail(stderr string) string {
	if stderr == "" {
		return ""
	}
	return "; its stderr ends:\n" + stderr
}
