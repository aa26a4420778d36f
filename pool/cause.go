package pool

import (
	"syscall"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/proc"
)

// killFor kills a process with all that it has started, and notes why, also in
// words that follow "killed by signal SIGKILL, ".
func (c *child) killFor(cause codec.Cause, why string) error {
	c.mu.Lock()
	if c.killedFor == "" {
		c.killedFor, c.killedWhy = cause, why
	}
	c.mu.Unlock()
	return c.Kill()
}

// wasKilledFor reports whether the supervisor has killed the process for that.
func (c *child) wasKilledFor(cause codec.Cause) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.killedFor == cause
}

// wasKilled reports whether the supervisor ended the process; c.mu is held.
func (c *child) wasKilled() bool { return c.fatal != 0 || c.killedFor != "" }

// explain adds what the supervisor knows of a process's end; c.mu is held.
func (c *child) explain(exit proc.Exit) (cause string, outOfMemory bool) {
	// A Go process that SIGQUIT ends has exit status 2.
	byUs := exit.Signal == syscall.SIGKILL || exit.Signal == syscall.SIGQUIT || exit.Code == 2
	switch {
	case c.fatal != 0 && byUs:
		return "killed by signal " + signalName(c.fatal) + ", since " + c.condemned.reason(), false
	case exit.Signal == syscall.SIGKILL && c.killedFor != "":
		return "killed by signal SIGKILL, " + c.killedWhy, c.killedFor == codec.CauseMemoryLimit
	}
	return exit.String(), exit.OutOfMemory
}

// causeOf gives why a process died; unready says why it never served, if so.
func (c *child) causeOf(death Death, unready error) codec.Cause {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.killedFor != "" && death.Signal == "SIGKILL": // else it died first
		return c.killedFor
	case c.ran.failed == codec.CodeTimeLimit, c.fatal != 0 && c.condemned.why == codec.CodeTimeLimit:
		return codec.CauseTimeLimit
	case c.ran.failed == codec.CodeCancelled, c.fatal != 0 && c.condemned.why == codec.CodeCancelled:
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
