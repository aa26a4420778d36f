// Package secure tests the configuration in deploy/nats on real brokers: that each
// role can do its job, and not the others'.
package secure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

var (
	double  = codec.NewFunc[int, int]("double")
	nested  = codec.NewFunc[int, int]("nested")          // calls double
	crash   = codec.NewFunc[int, int]("crash")           // kills its process
	wait    = codec.NewFunc[int, int]("wait")            // until it is stopped
	fail    = codec.NewFunc[int, int]("fail")            // always
	blob    = codec.NewFunc[[]byte, []byte]("blob")      // gives its argument back
	secrets = codec.NewFunc[string, []string]("secrets") // where a text is to be seen from within a handler
	recall  = codec.NewFunc[string, int]("recall")       // how often its process's memory has a text, given from its end to its start
)

func TestMain(m *testing.M) {
	must(os.Setenv("GORACE", "atexit_sleep_ms=0"))
	consumer.Handle(double, func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	consumer.Handle(nested, func(ctx context.Context, n int) (int, error) {
		client, err := pool.Client(ctx)
		if err != nil {
			return 0, err
		}
		f, err := producer.Submit(ctx, client, double, n)
		if err != nil {
			return 0, err
		}
		return f.Result(ctx)
	})
	consumer.Handle(crash, func(context.Context, int) (int, error) { os.Exit(3); return 0, nil })
	consumer.Handle(wait, func(ctx context.Context, _ int) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
	consumer.Handle(fail, func(context.Context, int) (int, error) { return 0, errors.New("as ever") })
	consumer.Handle(blob, func(_ context.Context, b []byte) ([]byte, error) { return b, nil })
	consumer.Handle(secrets, whereIs)
	consumer.Handle(recall, recalls)
	handleRare()
	pool.Main()
	code := m.Run()
	if err := goleak.Find(sourcing); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// sourcing ignores a goroutine of the embedded server's, which outlives it for some
// seconds.
var sourcing = goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stream).trySetupSourceConsumer.func3")

// whereIs looks for a text wherever anybody, or a handler, could read it.
func whereIs(_ context.Context, secret string) (found []string, err error) {
	for _, file := range []string{"self/environ", "self/cmdline", "thread-self/cmdline"} {
		text, err := os.ReadFile("/proc/" + file)
		if err == nil && strings.Contains(string(text), secret) {
			found = append(found, file)
		}
	}
	if strings.Contains(strings.Join(os.Environ(), "\n"), secret) {
		found = append(found, "os.Environ")
	}
	return found, nil
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}
