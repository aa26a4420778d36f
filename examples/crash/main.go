// Crash kills worker processes under their tasks. The tasks of other processes do
// not notice; the task that was running is tried again in a new process, and
// when that has died as often as the call allows, its error tells how.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Fragile kills its process in its first attempts, as many as its argument says,
// and then gives the number of the attempt.
var Fragile = codec.NewFunc[int, int]("fragile")

func fragile(ctx context.Context, deaths int) (int, error) {
	task, _ := consumer.Task(ctx)
	if task.Attempt <= deaths {
		fmt.Fprintln(os.Stderr, "out of luck")
		os.Exit(42)
	}
	return task.Attempt, nil
}

func main() {
	consumer.Handle(Fragile, fragile)
	pool.Main()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	// The deaths are expected here: no log of them, nor what the dying print.
	p, err := pool.Local(ctx, pool.Processes(2),
		pool.WithLogger(slog.New(slog.DiscardHandler)), pool.WithOutput(os.Stdout, io.Discard))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(ctx)) }()

	for _, call := range []struct {
		name    string
		deaths  int
		options []producer.CallOption
	}{
		{"never dies", 0, nil},
		{"dies once", 1, nil}, // and is run again
		{"dies once, one attempt allowed", 1, []producer.CallOption{producer.Crashes(1)}},
		{"dies always", 1000, nil},
	} {
		f, err := producer.Submit(ctx, p.Client(), Fragile, call.deaths, call.options...)
		if err != nil {
			return err
		}
		attempt, err := f.Result(ctx)
		if died, ok := errors.AsType[*codec.WorkerDiedError](err); ok {
			fmt.Printf("%s: exit status %d in attempt %d; its last words: %s\n", call.name, died.ExitCode, died.Attempt, died.Stderr)
			continue
		}
		if err != nil {
			return err
		}
		fmt.Printf("%s: done in attempt %d\n", call.name, attempt)
	}
	return nil
}
