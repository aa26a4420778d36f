package command

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/musterfleet/muster/codec"
)

// ExitError says how a command ended that failed. The funcs of commands list it, so a
// caller whose func lists it as well finds it with errors.As.
type ExitError struct {
	Status int    // exit status, or -1 if a signal ended the command
	Signal string // such as SIGKILL, or empty
	Core   bool   // it left a core dump
}

// ListExitError lists [*ExitError] among the errors of a func.
func ListExitError() codec.FuncOption { return codec.WithErrorType[*ExitError]() }

// Error is worded like what is said of a worker process that died.
func (e *ExitError) Error() string {
	switch {
	case e.Signal == "":
		return fmt.Sprintf("exit status %d", e.Status)
	case e.Core:
		return "killed by signal " + e.Signal + " (core dumped)"
	}
	return "killed by signal " + e.Signal
}

// SignalNumber returns the number of the signal, or 0 if it is not known here.
func SignalNumber(name string) int { return int(unix.SignalNum(name)) }

// exitOf says how a process ended.
func exitOf(state *os.ProcessState) *ExitError {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &ExitError{Status: -1, Signal: name(status.Signal()), Core: status.CoreDump()}
	}
	return &ExitError{Status: state.ExitCode()}
}

func name(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return s.String()
}
