package pool

import (
	"fmt"
	"os"

	"github.com/musterfleet/muster/internal/pid1"
	"github.com/musterfleet/muster/internal/proc"
)

// What a re-executed process is, by proc.RoleEnv.
const (
	roleWorker = "worker"
	roleCheck  = "check"
)

// exitNoMain is the status of a re-executed process that did not meet Main.
const exitNoMain = 70

// Main makes a program able to run worker processes of itself. Call it first
// thing in main, after the handlers are registered. In the program that the user
// started it returns at once; in a worker process it serves tasks and does not
// return.
//
// What the program does before Main, each worker process does too: in the directory
// and with the arguments that the program was started with, with the environment
// that it has by then, and with an empty stdin. What it prints meanwhile goes where
// other output of worker processes goes, and it has five minutes to reach Main. So
// whatever only one process can do, such as listening on a port, belongs after Main.
//
// In process 1, such as that of a container without an init, it starts the
// program again as a child, and stays there to pass signals on and to reap what
// tasks leave behind.
func Main() {
	pid1.Main(started.args, startDir())
	at := here()
	mainDir.Store(&at)
	role := os.Getenv(proc.RoleEnv)
	if role == "" {
		return
	}
	// What the handlers start is not a worker process.
	if err := os.Unsetenv(proc.RoleEnv); err != nil {
		fmt.Fprintln(os.Stderr, "muster:", err)
		os.Exit(1)
	}
	proc.NameProcess(started.args[0])
	switch role {
	case roleCheck:
		os.Exit(answerCheck())
	case roleWorker:
		os.Exit(workerMain())
	default:
		fmt.Fprintf(os.Stderr, "muster: unknown %s %q\n", proc.RoleEnv, role)
		os.Exit(1)
	}
}

// checkMain returns [ErrNoMain] if this process did not call [Main]. Its worker
// processes would not either, and would do all over again what it does, in a program
// under test the tests. A worker process that comes here, since it has called Main
// under a condition that did not hold for it, ends: to go on would start workers of
// workers without end.
func checkMain() error {
	if os.Getenv(proc.RoleEnv) != "" {
		fmt.Fprintln(os.Stderr, ErrNoMain)
		os.Exit(exitNoMain)
	}
	if mainDir.Load() == nil {
		return ErrNoMain
	}
	return nil
}
