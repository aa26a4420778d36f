package pool

import "github.com/musterfleet/muster/codec"

// killFor kills a process, and notes why.
func (c *child) killFor(cause codec.Cause) error {
	c.mu.Lock()
	if c.killedFor == "" {
		c.killedFor = cause
	}
	c.mu.Unlock()
	return c.Kill()
}

// causeOf gives why a process died; unready says why it never served, if so.
func (c *child) causeOf(death Death, unready error) codec.Cause {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.killedFor != "":
		return c.killedFor
	case c.ran.failed == codec.CodeTimeLimit:
		return codec.CauseTimeLimit
	case c.ran.failed == codec.CodeCancelled:
		return codec.CauseCancelled
	case death.OutOfMemory:
		return codec.CauseOutOfMemory
	case unready != nil:
		return codec.CauseUnready
	case death.Signal != "":
		return codec.CauseSignal
	}
	return codec.CauseExit
}
