package main

import (
	"errors"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/command"
	"github.com/musterfleet/muster/internal/shellmap"
)

// Exit statuses in a job log of items whose process did not end with one of its own,
// as a shell or timeout(1) has them.
const (
	exitFailed    = 1
	exitTimeLimit = 124
	exitNoFunc    = 127
	exitSignal    = 128 // and the signal's number
	exitCancelled = 130
)

// exitOf says for the job log how an item failed.
func exitOf(err error) (exit shellmap.Exit) {
	if died, ok := errors.AsType[*codec.WorkerDiedError](err); ok {
		return shellmap.Exit{Host: died.Host, Status: statusOf(died.ExitCode, died.Signal), Signal: died.Signal}
	}
	remote, ok := errors.AsType[*codec.RemoteError](err)
	if !ok {
		return shellmap.Exit{Status: exitFailed}
	}
	exit = shellmap.Exit{Host: remote.Host, Status: exitFailed}
	switch remote.Code {
	case codec.CodeTimeLimit, codec.CodeExpired:
		exit.Status = exitTimeLimit
	case codec.CodeUnknownFunc:
		exit.Status = exitNoFunc
	case codec.CodeCancelled:
		exit.Status = exitCancelled
	case codec.CodeError:
		if ended, ok := errors.AsType[*command.ExitError](err); ok {
			exit.Status, exit.Signal = statusOf(ended.Status, ended.Signal), ended.Signal
		}
	}
	return exit
}

// statusOf returns the exit status of a process that failed, which is never 0.
func statusOf(status int, signal string) int {
	if signal != "" {
		return exitSignal + command.SignalNumber(signal)
	}
	if status < 1 {
		return exitFailed
	}
	return status
}
