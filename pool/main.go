package pool

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// roleEnv tells a re-executed process what it is.
const roleEnv = "MUSTER_ROLE"

const (
	roleWorker = "worker"
	roleGuard  = "guard"
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
	switch role {
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

func workerMain() int {
	conn, err := proc.ControlConn()
	if err != nil {
		fmt.Fprintln(os.Stderr, "muster:", err)
		return 1
	}
	if err := work(conn); err != nil {
		if terr := tell(conn, report{Failed: err.Error()}); terr != nil {
			fmt.Fprintln(os.Stderr, "muster:", err)
		}
		return 1
	}
	return 0
}

// work serves until the supervisor says to drain.
func work(conn net.Conn) error {
	orders := json.NewDecoder(conn)
	var first order
	if err := orders.Decode(&first); err != nil || first.Setup == nil {
		return fmt.Errorf("pool: no setup from the supervisor: %w", err)
	}
	file := proc.InheritedFile(0)
	board, err := scoreboard.Open(file)
	if err != nil {
		return err
	}
	defer board.Close()
	file.Close() // the mapping stays

	ctx, drain := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer drain()
	go obey(orders, drain)

	nc, err := broker.Dial(ctx, first.Setup.URL, broker.Config{
		Name: fmt.Sprintf("muster worker %s %d", first.Setup.Host, os.Getpid()), Logger: slog.Default(),
	})
	if err != nil {
		return err
	}
	defer nc.Close()
	return consumer.Serve(ctx, consumer.Config{
		Conn: nc, Queue: first.Setup.Queue, Board: board,
		Host: first.Setup.Host, PID: os.Getpid(), Logger: slog.Default(),
		Ready: func() {
			if err := tell(conn, report{Ready: true}); err != nil {
				die() // nobody to work for
			}
		},
	})
}

// obey follows the supervisor's orders. When the supervisor is gone, so is this
// process, with everything that it started: at once on Linux, where the kernel
// sees to it, and here anywhere else.
func obey(orders *json.Decoder, drain func()) {
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			die()
		}
		if o.Drain {
			drain()
		}
	}
}

// die ends the process's group, of which it is the leader.
func die() {
	_ = syscall.Kill(-os.Getpid(), syscall.SIGKILL)
	os.Exit(1)
}
