package proc

import "errors"

var (
	// ErrNoControl is returned by ControlConn in a process that was not
	// started by Start, or that has called it before.
	ErrNoControl = errors.New("no control connection on fd 3: the process was not started by a supervisor")
	// ErrGuardClosed is returned by Start and RemoveDir after the Guard's
	// Close.
	ErrGuardClosed = errors.New("guard is closed")
	// ErrGuardStart is wrapped by StartGuard when the guard process ends, or does
	// not report itself in time.
	ErrGuardStart = errors.New("guard process does not start")
	// ErrGuardStuck is returned by Close when the guard process could not
	// finish its work in time and was killed.
	ErrGuardStuck = errors.New("guard process did not finish in time")
)
