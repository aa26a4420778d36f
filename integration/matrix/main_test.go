// Package matrix has every fault meet every stage of a task's life, one at a
// time, in real worker processes before a real broker. A fault befalls the process
// that has the task, or the supervisor that handed it over.
package matrix

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
)

const (
	// patience bounds every wait of a test.
	patience = 40 * time.Second
	// abreast is how many cases are under way at once. Most of them wait for a
	// lease, a limit or the watchdog.
	abreast = "12"
)

// work is the task of the matrix. In a puppet it waits until it may go on.
var work = codec.NewFunc[string, seen]("work")

// seen is what a task saw of itself.
type seen struct{ PID, Attempt int }

// TestMain makes the test binary the program of its worker processes, too, and that
// of hosts.
func TestMain(m *testing.M) {
	must(os.Setenv("GORACE", "atexit_sleep_ms=0")) // for the processes that we start
	consumer.Handle(work, func(ctx context.Context, _ string) (seen, error) {
		info, _ := consumer.Task(ctx)
		awaitGo()
		return seen{PID: os.Getpid(), Attempt: info.Attempt}, nil
	})
	consumer.Handle(drink, swallow)
	if address := os.Getenv(stringsEnv); address != "" {
		must(attachStrings(address))
	}
	pool.Main()
	if params := os.Getenv(hostEnv); params != "" {
		playHost(params)
	}
	flag.Parse()
	must(flag.Set("test.parallel", abreast)) // by itself, as many as there are CPUs
	code := m.Run()
	if err := leftovers(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}
