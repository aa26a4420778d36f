package pool

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/musterfleet/muster/codec"
)

// Death tells how a worker process ended.
type Death struct {
	PID      int
	ExitCode int    // exit status, or -1 if a signal ended it
	Signal   string // such as "SIGKILL", or empty
	Cause    string // the above and OutOfMemory in words, and why the supervisor did it, if it did
	// OutOfMemory and Stderr are as in codec.WorkerDiedError.
	OutOfMemory bool
	Stderr      string
	Running     bool // a task was running, and was charged an attempt
	Expected    bool // it left in good order (drained, recycled or idle), or was killed by Kill
}

func newDeath(c *child, running, killed bool) Death {
	exit := c.Exit()
	c.mu.Lock()
	defer c.mu.Unlock()
	cause, outOfMemory := c.explain(exit)
	return Death{
		PID: exit.PID, ExitCode: exit.Code, Signal: signalName(exit.Signal), Cause: cause,
		OutOfMemory: outOfMemory, Stderr: exit.Stderr,
		Running: running, Expected: killed || c.dismissed || c.left != "" && exit.Code == 0 && !running,
	}
}

// failure is the outcome of a task whose process died once too often.
func (d Death) failure(host string, attempt int) *codec.Failure {
	return &codec.Failure{
		Code: codec.CodeWorkerDied, Message: d.Cause, Host: host, PID: d.PID, Attempt: attempt,
		ExitCode: d.ExitCode, Signal: d.Signal, OutOfMemory: d.OutOfMemory, Stderr: d.Stderr,
	}
}

func signalName(s syscall.Signal) string {
	if s == 0 {
		return ""
	}
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return s.String()
}
