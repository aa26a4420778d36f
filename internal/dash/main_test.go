package dash_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
)

// The funcs of the tests.
var (
	echo = codec.NewFunc[string, string]("echo")
	nap  = codec.NewFunc[time.Duration, bool]("nap")
	// crash writes its argument to stderr and ends its process, unless there is a
	// file of that path.
	crash  = codec.NewFunc[string, string]("crash")
	refuse = codec.NewFunc[string, string]("refuse")
)

// patience bounds every wait of a test.
const patience = 60 * time.Second

// TestMain makes the test binary the program of the worker processes too.
func TestMain(m *testing.M) {
	must(os.Setenv("GORACE", "atexit_sleep_ms=0")) // for the processes that we start
	consumer.Handle(echo, func(_ context.Context, text string) (string, error) { return text, nil })
	consumer.Handle(nap, func(ctx context.Context, d time.Duration) (bool, error) {
		select {
		case <-time.After(d):
			return true, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	})
	consumer.Handle(crash, func(_ context.Context, text string) (string, error) {
		if _, err := os.Stat(text); err == nil {
			return "well", nil
		}
		fmt.Fprintln(os.Stderr, text)
		os.Exit(3)
		return "", nil
	})
	consumer.Handle(refuse, func(_ context.Context, text string) (string, error) { return "", errors.New(text) })
	pool.Main()
	code := m.Run()
	// What a server leaves behind for some seconds that is shut down while a
	// stream begins to fetch from another.
	sourcing := goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3")
	if err := goleak.Find(sourcing); code == 0 && err != nil {
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
