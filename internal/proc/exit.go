package proc

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Exit is how a process ended.
type Exit struct {
	PID      int
	Code     int            // exit status, -1 if a signal killed it
	Signal   syscall.Signal // the signal that killed it, or 0
	CoreDump bool
	// OutOfMemory tells that Go's runtime gave up for want of memory, or that the
	// kernel's out-of-memory killer killed the process. The latter is inferred
	// from SIGKILL, not sent by this package, and the kernel's count of such kills
	// in the supervisor's cgroup.
	OutOfMemory bool
	// Stderr is its last words on stderr, at most 8 KiB of valid UTF-8: the last
	// lines, and before them the beginning of Go's crash report.
	Stderr string
	// MaxRSS is the most memory it had resident, in bytes. Linux counts what
	// the supervisor had resident at the start, too, if that was more.
	MaxRSS     int64
	UserTime   time.Duration
	SystemTime time.Duration
}

// String says how the process ended, as in "exit status 3", "killed by signal
// SIGSEGV (core dumped)", or "exit status 2, out of memory".
func (e Exit) String() string {
	switch {
	case e.OutOfMemory && e.Signal == syscall.SIGKILL:
		return "killed by signal SIGKILL, sent by the kernel's out-of-memory killer"
	case e.OutOfMemory:
		e.OutOfMemory = false
		return e.String() + ", out of memory"
	case e.Signal != 0:
		name := unix.SignalName(e.Signal)
		if name == "" {
			name = fmt.Sprint(int(e.Signal))
		}
		if e.CoreDump {
			name += " (core dumped)"
		}
		return "killed by signal " + name
	case e.Code < 0:
		return "exit status unknown"
	default:
		return fmt.Sprintf("exit status %d", e.Code)
	}
}

// newExit takes a nil state for a process that somebody else reaped.
func newExit(pid int, state *os.ProcessState) Exit {
	e := Exit{PID: pid, Code: -1}
	if state == nil {
		return e
	}
	e.Code = state.ExitCode()
	e.UserTime = state.UserTime()
	e.SystemTime = state.SystemTime()
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.Signal = status.Signal()
		e.CoreDump = status.CoreDump()
	}
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		e.MaxRSS = int64(usage.Maxrss)
		if runtime.GOOS != "darwin" { // which alone counts bytes, not kilobytes
			e.MaxRSS *= 1024
		}
	}
	return e
}
