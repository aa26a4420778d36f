package pool

import (
	"crypto/rand"
	"maps"
	"strings"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// chronicle is what a supervisor remembers in order to tell of itself. All that
// changes is under Supervisor.mu.
type chronicle struct {
	id      string
	started time.Time

	counts counts // of processes that are gone
	handed handed
	deaths map[codec.Cause]uint64
	latest []codec.ProcessDeath
	spans  []codec.Span // of processes that are gone, not told yet

	watched time.Time     // until then, somebody watches
	asked   chan struct{} // has an element when somebody wants a heartbeat at once
	over    chan struct{} // closed when the last heartbeat is due
	silent  chan struct{} // closed when it was sent
}

func newChronicle() chronicle {
	return chronicle{
		id: strings.ToLower(rand.Text()[:8]), started: time.Now(),
		counts: counts{}, deaths: map[codec.Cause]uint64{},
		asked: make(chan struct{}, 1), over: make(chan struct{}), silent: make(chan struct{}),
	}
}

const (
	mostLatest = 8       // deaths
	mostStderr = 1 << 10 // bytes of a death's
	mostSpans  = 2048    // in one heartbeat
)

// takeOver takes over what a dead process has counted, and the attempt that died
// with it; s.mu is held.
func (s *Supervisor) takeOver(p *place, c *child) {
	now := time.Now()
	s.counts.addBoard(c.board)
	s.handed.addBoard(c.board)
	if now.Before(s.watched) {
		s.keepSpans(s.spansOf(p, c)...)
	}
	for _, d := range c.board.Deliveries() {
		if !d.Running() {
			continue
		}
		if c.diedForAnother(d) {
			continue
		}
		v, sentenced := c.verdictOn(d)
		if !sentenced {
			v.why = codec.CodeWorkerDied
		}
		task, name := taskID(d.ClientName, d.Task), c.board.Func(d.Func)
		stored := d.StartedAt
		if info, err := broker.ParseAck(d.Ack); err == nil {
			stored = info.Stored
		}
		c.mu.Lock()
		c.ran = ran{
			id: codec.ID{Client: d.ClientName, N: d.Task}, task: task, fn: name, failed: v.why,
			stored: stored, began: d.StartedAt,
		}
		c.mu.Unlock()
		if s.killing.Load() && !sentenced {
			continue // our doing, not the task's
		}
		wait := max(d.StartedAt.Sub(stored), 0)
		s.counts.addDeath(name, v.why, wait, max(now.Sub(d.StartedAt), 0))
		s.keepSpans(codec.Span{
			Place: p.number, PID: c.PID(), Func: name, Task: task, Count: 1,
			Start: d.StartedAt, End: now, Failed: v.why,
		})
	}
}

func (s *Supervisor) keepSpans(spans ...codec.Span) {
	s.spans = append(s.spans, spans...)
	s.spans = s.spans[max(len(s.spans)-mostSpans, 0):]
}

// spansOf gives what has ended in a process since it was last asked; s.mu is held.
func (s *Supervisor) spansOf(p *place, c *child) (spans []codec.Span) {
	news, missed := c.board.Spans(&c.told)
	if missed > 0 {
		s.cfg.Logger.Debug("more attempts ended than a worker process can note in a second", "pid", c.PID(), "lost", missed)
	}
	for _, n := range news {
		spans = append(spans, codec.Span{
			Place: p.number, PID: c.PID(), Func: c.board.Func(n.Func), Task: taskID(n.Client, n.Task), Count: n.Count,
			Start: n.Start, End: n.End, Failed: codeOnBoard(n.Code),
		})
	}
	return spans
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
	stderr := strings.ToValidUTF8(death.Stderr[max(len(death.Stderr)-mostStderr, 0):], "")
	c.mu.Lock()
	told := codec.ProcessDeath{
		Place: p.number, PID: death.PID, At: time.Now(), Cause: cause, Text: death.Cause, Stderr: stderr,
		Task: c.ran.task, Func: c.ran.fn,
	}
	c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	p.died = &told
	s.deaths[cause]++
	s.latest = append(s.latest, told)
	s.latest = s.latest[max(len(s.latest)-mostLatest, 0):]
}

// totals counts all that the host's processes have ever done; s.mu is held.
func (s *Supervisor) totals() counts {
	all := make(counts, len(s.counts))
	for name, c := range s.counts {
		c.Failed = maps.Clone(c.Failed)
		all[name] = c
	}
	for _, c := range s.childrenLocked() {
		all.addBoard(c.board)
	}
	return all
}

// taskID gives a task's id as text, empty where the client is not known.
func taskID(client string, task uint64) string {
	if client == "" {
		return ""
	}
	return codec.ID{Client: client, N: task}.String()
}
