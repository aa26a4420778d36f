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
	// Cause is the end in the supervisor's words, such as "killed by signal
	// SIGSEGV", and why if it knows.
	Cause string
	// OutOfMemory tells that Go's runtime or the kernel's out-of-memory killer
	// ended the process, or the supervisor did, since it passed its memory limit.
	// Of the kernel the supervisor judges by a SIGKILL that it did not send, and
	// the kernel's count of such kills in its cgroup.
	OutOfMemory bool
	// Stderr is the process's last words: the end of what it wrote to its stderr,
	// and before that the beginning of Go's crash report.
	Stderr  string
	Attempt int // which attempt this was, from 1
}

// Error names host, pid, cause and attempt on one line, and below it the end of
// the process's stderr.
func (e *WorkerDiedError) Error() string {
	s := fmt.Sprintf("worker process %d on host %s died on attempt %d: %s", e.PID, e.Host, e.Attempt, e.cause())
	if tail := strings.TrimRight(e.Stderr, "\n"); tail != "" {
		s += "; its stderr ends:\n" + tail
	}
	return s
}

func (e *WorkerDiedError) cause() string {
	if e.Cause != "" {
		return e.Cause
	}
	cause := fmt.Sprintf("exit status %d", e.ExitCode)
	if e.Signal != "" {
		cause = "signal " + e.Signal
	}
	if e.OutOfMemory {
		cause += ", out of memory"
	}
	return cause
}

// Is reports whether target is [ErrWorkerDied].
func (e *WorkerDiedError) Is(target error) bool { return target == ErrWorkerDied }
