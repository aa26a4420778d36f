// Muster is the command line of the process pool: a demo, a broker, worker
// hosts, and tasks from the shell. Its exit status is 0, 1 if the work failed,
// or 2 if it was called wrongly; results go to stdout, everything else to stderr.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/internal/builtin"
	"github.com/musterfleet/muster/internal/command"
	"github.com/musterfleet/muster/pool"
)

func main() {
	builtin.Register()
	if err := command.Inherit(); err != nil {
		os.Exit(status(workError{err}))
	}
	var err error
	if exported, err = newTraces(context.Background()); err != nil {
		os.Exit(status(workError{fmt.Errorf("exporting traces: %w", err)}))
	}
	pool.Main()
	watchPipes()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := status(root().ExecuteContext(ctx))
	exported.close()
	flushStderr()
	os.Exit(code)
}

func root() *cobra.Command {
	root := &cobra.Command{
		Use:   "muster",
		Short: "A process pool whose processes may stand on any number of machines",
		Long: `Muster runs calls in supervised processes, on this machine or on many. NATS
JetStream carries the calls; a crash or a kill costs one task an attempt.

Try it: muster demo`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true // there is another
	root.DisableSuggestions = true                  // they take several lines
	root.SetVersionTemplate("muster {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", flagError(err), cmd.CommandPath())
	})
	root.AddCommand(
		demoCommand(), serveCommand(), workerCommand(),
		submitCommand(), mapCommand(), resultCommand(), cancelCommand(),
		queueCommand(), scheduleCommand(), deadCommand(), hostCommand(), topCommand(), dashCommand(), benchCommand(), doctorCommand(),
		completionCommand(), manCommand(),
	)
	addCompletion(root)
	for _, cmd := range root.Commands() {
		markWork(cmd)
	}
	return root
}

// markWork marks what a command and those below it return.
func markWork(cmd *cobra.Command) {
	cmd.RunE = asWork(cmd.RunE)
	for _, below := range cmd.Commands() {
		markWork(below)
	}
}

// workError marks an error of a command that was called rightly, apart from
// those of its flags and arguments.
type workError struct{ error }

func (e workError) Unwrap() error { return e.error }

func asWork(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := run(cmd, args); err != nil {
			return workError{err}
		}
		return nil
	}
}

// status reports an error on stderr and returns the exit status.
func status(err error) int {
	switch _, work := errors.AsType[workError](err); {
	case err == nil:
		return 0
	case errors.Is(err, errReported):
		return 1
	case errors.Is(err, errBrokenPipe), errors.Is(err, syscall.EPIPE) && stdoutBroken():
		dieOfBrokenPipe()
		return 1
	case work && !isUsage(err):
		report("muster: %s", oneLine(err))
		return 1
	default:
		report("muster: %s", oneLine(err))
		return 2
	}
}

// report writes a line to stderr. If that fails there is nobody left to tell.
func report(format string, args ...any) { fmt.Fprintf(stderr, format+"\n", args...) }

// reportLine writes a line to stderr as it is.
func reportLine(line string) { report("%s", line) }

// oneLine returns an error's text so that each of its lines but the first is
// indented, such as the end of a dead process's stderr.
func oneLine(err error) string {
	return strings.ReplaceAll(strings.TrimRight(err.Error(), "\n"), "\n", "\n\t")
}
