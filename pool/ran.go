package pool

import (
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

// ranTask is what a process ran when it died.
type ranTask struct {
	id      codec.ID
	fn      string     // empty if it ran nothing that is charged
	failed  codec.Code // what the attempt has come to
	stored  time.Time
	began   time.Time
	attempt int
	header  map[string]string
}

// task returns the task's id as text, empty if there was none.
func (r ranTask) task() string {
	if r.fn == "" {
		return ""
	}
	return r.id.String()
}

// tell tells the log, and the observer of attempts if there is one, what ran when
// a process died.
func (s *Supervisor) tell(c *child, death Death) {
	c.mu.Lock()
	ran, message := c.ran, "a worker process died"
	if c.wasKilled() {
		message = "a worker process was killed"
	}
	c.mu.Unlock()
	logger := s.cfg.Logger.With("pid", death.PID, "cause", death.Cause, "task_running", death.Running)
	if ran.fn != "" {
		logger = logger.With("task", ran.task(), "func", ran.fn)
	}
	if ran.attempt > 0 {
		logger = logger.With("attempt", ran.attempt)
		failure := death.failure(s.cfg.Host, ran.attempt)
		failure.Code = ran.failed
		consumer.ObserveDeath(consumer.Attempt{
			Info:  consumer.Info{ID: ran.id, Func: ran.fn, Attempt: ran.attempt, Header: ran.header},
			Queue: s.cfg.Queue, Host: s.cfg.Host, PID: death.PID, Stored: ran.stored, Began: ran.began, Died: true,
		}, failure)
	}
	logger.Warn(message)
}
