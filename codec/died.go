package codec

import (
	"fmt"
	"strings"
)

// WorkerDiedError tells how the worker process died that ran the task last. It
// mirrors pebble's ProcessExpired; errors.Is finds [ErrWorkerDied] in it.
type WorkerDiedError struct {
	Task     ID
	Host     string
	PID      int
	ExitCode int    // exit status, or -1 if a signal ended the process
	Signal   string // such as "SIGKILL", or empty
	Stderr   string // the end of what the process wrote to its stderr
	Attempt  int    // which attempt this was, from 1
}

// Error names host, pid, cause and attempt on one line, and below it the end of
// the process's stderr.
func (e *WorkerDiedError) Error() string {
	cause := fmt.Sprintf("exit status %d", e.ExitCode)
	if e.Signal != "" {
		cause = "signal " + e.Signal
	}
	s := fmt.Sprintf("worker process %d on host %s died on attempt %d: %s", e.PID, e.Host, e.Attempt, cause)
	if tail := strings.TrimRight(e.Stderr, "\n"); tail != "" {
		s += "; its stderr ends:\n" + tail
	}
	return s
}

// Is reports whether target is [ErrWorkerDied].
func (e *WorkerDiedError) Is(target error) bool { return target == ErrWorkerDied }
