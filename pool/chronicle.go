package pool

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/musterfleet/muster/codec"
)

// chronicle is what a supervisor remembers in order to tell of itself. All that
// changes is under Supervisor.mu.
type chronicle struct {
	id      string
	started time.Time

	deaths map[codec.Cause]uint64
	latest []codec.ProcessDeath

	asked  chan struct{} // has an element when somebody wants a heartbeat at once
	over   chan struct{} // closed when the last heartbeat is due
	silent chan struct{} // closed when it was sent
}

func newChronicle() chronicle {
	return chronicle{
		id: strings.ToLower(rand.Text()[:8]), started: time.Now(),
		deaths: map[codec.Cause]uint64{},
		asked:  make(chan struct{}, 1), over: make(chan struct{}), silent: make(chan struct{}),
	}
}

const (
	maxLatest = 8       // deaths
	maxStderr = 1 << 10 // bytes of a death's
	maxSpans  = 2048    // in one heartbeat
)

// takeOver notes what a dead process ran, and counts the attempt that died with it.
func (s *Supervisor) takeOver(c *child, ran *attempt) {
	if ran == nil || c.diedForAnother(ran.runIndex) {
		return
	}
	v, sentenced := c.verdictOn(ran.runIndex)
	if !sentenced {
		v.why = codec.CodeWorkerDied
	}
	s.scheduler.mu.Lock()
	stored := ran.d.info.Stored
	s.scheduler.mu.Unlock()
	c.mu.Lock()
	c.ran = ranTask{
		id: ran.id(), fn: ran.task.Func, failed: v.why, stored: stored, began: ran.began,
		attempt: ran.task.Attempt(), header: ran.task.Header,
	}
	c.mu.Unlock()
	if s.killing.Load() && !sentenced {
		return // our doing, not the task's
	}
	s.scheduler.mu.Lock()
	defer s.scheduler.mu.Unlock()
	s.scheduler.note(c.work, ran.d, ran.task.N, ran.task.Func, v.why, ran.began, time.Since(ran.began))
}

// recordDeath notes how a process ended.
func (s *Supervisor) recordDeath(p *place, c *child, death Death, unready error) {
	if death.Expected {
		s.mu.Lock()
		p.died = nil
		s.mu.Unlock()
		return
	}
	cause := c.causeOf(death, unready)
	stderr := strings.ToValidUTF8(death.Stderr[max(len(death.Stderr)-maxStderr, 0):], "")
	c.mu.Lock()
	told := codec.ProcessDeath{
		Place: p.number, PID: death.PID, At: time.Now(), Cause: cause, Text: death.Cause, Stderr: stderr,
		Task: c.ran.task(), Func: c.ran.fn,
	}
	c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	p.died = &told
	s.deaths[cause]++
	s.latest = append(s.latest, told)
	s.latest = s.latest[max(len(s.latest)-maxLatest, 0):]
}
