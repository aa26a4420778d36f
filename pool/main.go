package pool

import (
	"fmt"
	"os"

	"github.com/musterfleet/muster/internal/proc"
)

// roleEnv tells a re-executed process what it is.
const roleEnv = "MUSTER_ROLE"

const (
	roleWorker = "worker"
	roleGuard  = "guard"
	roleCheck  = "check"
)

// exitNoMain is the status of a re-executed process that did not meet Main.
const exitNoMain = 70

// Main makes a program able to run worker processes of itself. Call it first
// thing in main, after the handlers are registered. In the program that the user
// started it returns at once; in a worker process it serves tasks and does not
// return.
func Main() {
	role := os.Getenv(roleEnv)
	if role == "" {
		return
	}
	// What the handlers start is not a worker process.
	if err := os.Unsetenv(roleEnv); err != nil {
		fmt.Fprintln(os.Stderr, "muster:", err)
		os.Exit(1)
	}
	nameProcess()
	switch role {
	case roleCheck:
		os.Exit(checkMain())
	case roleGuard:
		proc.GuardMain()
	case roleWorker:
		os.Exit(workerMain())
	default:
		fmt.Fprintf(os.Stderr, "muster: unknown %s %q\n", roleEnv, role)
		os.Exit(1)
	}
}

// refuseInWorker ends a re-executed process that got past the place where Main
// should have been. To go on would start workers of workers without end.
func refuseInWorker() {
	if os.Getenv(roleEnv) != "" {
		fmt.Fprintln(os.Stderr, ErrNoMain)
		os.Exit(exitNoMain)
	}
}
