// Retry calls a func that fails now and then. Attempts says how often an error may
// end an attempt before it is the outcome, Backoff how long to wait in between;
// and codec.Final marks an error that no further attempt would mend.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Order fails in its first attempts, as many as its argument says, and then gives
// the number of the attempt. Less than none makes no sense, however often it is
// tried.
var Order = codec.NewFunc[int, int]("order")

func order(ctx context.Context, failures int) (int, error) {
	if failures < 0 {
		return 0, codec.Final(errors.New("no such order"))
	}
	task, _ := consumer.Task(ctx)
	if task.Attempt <= failures {
		return 0, errors.New("the shop is busy")
	}
	return task.Attempt, nil
}

func main() {
	consumer.Handle(Order, order)
	pool.Main()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	p, err := pool.Local(ctx, pool.Processes(2))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(ctx)) }()

	patient := []producer.CallOption{producer.Attempts(3), producer.Backoff(10 * time.Millisecond)}
	for _, call := range []struct {
		name     string
		failures int
		options  []producer.CallOption
	}{
		{"fails once, one attempt", 1, nil},
		{"fails twice, three attempts", 2, patient},
		{"fails always, three attempts", 1000, patient},
		{"makes no sense, three attempts", -1, patient},
	} {
		f, err := producer.Submit(ctx, p.Client(), Order, call.failures, call.options...)
		if err != nil {
			return err
		}
		attempt, err := f.Result(ctx)
		if failed, ok := errors.AsType[*codec.RemoteError](err); ok {
			fmt.Printf("%s: %s, in attempt %d\n", call.name, failed.Message, failed.Attempt)
			continue
		}
		if err != nil {
			return err
		}
		fmt.Printf("%s: done in attempt %d\n", call.name, attempt)
	}
	return nil
}
