package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/command"
	"github.com/musterfleet/muster/internal/joblog"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

var (
	// errUsage is wrapped when a flag or an argument makes no sense.
	errUsage = errors.New("bad usage")
	// errReported says that the work failed and that stderr tells why already.
	errReported = errors.New("reported")
	// errInterrupted says that a signal ended the work.
	errInterrupted = errors.New("interrupted")
	// errDeclined says that the user was asked, and does not want it.
	errDeclined = errors.New("nothing was done")
	// errBrokenPipe says that nobody reads the results any more.
	errBrokenPipe = errors.New("broken pipe")
)

// usageError is an error whose text stands alone, and which is errUsage.
type usageError struct{ text string }

func (e usageError) Error() string        { return e.text }
func (e usageError) Is(target error) bool { return target == errUsage }

func usage(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// flagError says what a flag's value must be where the parser says only how Go reads it.
func flagError(err error) error {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	use := ""
	switch bad.GetFlag().Value.Type() {
	case "int":
		use = "use a whole number"
	case "duration":
		use = "use a time such as 90s or 1h30m, at most 2562047h"
	case "bool":
		use = "use true or false"
	default:
		return err
	}
	return usage("--%s %.80q: %s", bad.GetFlag().Name, bad.GetValue(), use)
}

// isUsage reports whether an error comes from a value that the caller gave.
func isUsage(err error) bool {
	for _, bad := range []error{
		errUsage, pool.ErrConfig, producer.ErrOption, codec.ErrName, broker.ErrURL, broker.ErrQueueName, fleet.ErrLetterID,
		command.ErrDefinition,
		joblog.ErrExists, joblog.ErrFormat, joblog.ErrFunc,
	} {
		if errors.Is(err, bad) {
			return true
		}
	}
	return false
}

// because returns why ctx ended, if it has, and otherwise err.
func because(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return errInterrupted
}

// dieOfBrokenPipe ends the program as the system ends one that writes to a pipe
// which nobody reads: quietly, by SIGPIPE.
func dieOfBrokenPipe() {
	signal.Reset(syscall.SIGPIPE)
	_, _ = os.Stdout.Write([]byte("\n"))
}
