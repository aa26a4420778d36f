package pool

import (
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

// ran is what a process ran when it died.
type ran struct {
	id       codec.ID
	task, fn string
	failed   codec.Code // what the attempt at it came to
	stored   time.Time
	began    time.Time
	// Once its message has been read:
	attempt int
	header  map[string]string
}

// charge notes what the message says of the task that ran.
func (c *child) charge(t *codec.Task) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ran.attempt, c.ran.header = t.Attempt(), t.Header
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
		logger = logger.With("task", ran.task, "func", ran.fn)
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
