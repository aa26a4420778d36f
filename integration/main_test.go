// Package integration tests whole fleets: a real broker, real supervisors, real
// worker processes, and what goes wrong with them.
package integration

import (
	"fmt"
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/musterfleet/muster/pool"
)

// TestMain makes the test binary the program of every process in these tests:
// the tests themselves, the worker processes that package pool re-executes, and
// the programs of [roles], which tests start in order to kill them.
func TestMain(m *testing.M) {
	must(os.Setenv("GORACE", "atexit_sleep_ms=0")) // for the processes that we start
	role := os.Getenv(roleEnv)
	if play := unprepared[role]; play != nil {
		play()
		os.Exit(0)
	}
	if prepare := setups[role]; prepare != nil {
		prepare()
	}
	handle()
	pool.Main()
	if setups[role] != nil {
		runPrepared(role)
		os.Exit(0)
	}
	if play := roles[role]; play != nil {
		go dieWithTest()
		play(readParams())
		os.Exit(0)
	}
	// So that what the runtime keeps for good is there before anybody counts.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	must(l.Close())
	code := m.Run()
	if err := leftovers(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// leftovers looks for what parallel tests, which cannot tell their own from
// others', have left behind.
func leftovers() error {
	if children := childrenOf(os.Getpid()); len(children) > 0 {
		return fmt.Errorf("processes are left: %v", children)
	}
	return goleak.Find(sourcing)
}

// sourcing ignores a goroutine of the embedded server's, which outlives a server
// that is shut down while one of its streams begins to fetch from another, and
// ends by itself some seconds later.
var sourcing = goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3")

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}
