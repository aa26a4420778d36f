// Future follows futures through their states: pending until a worker process
// has said that it runs the task, then running, then finished; or cancelled
// before that. A pool that is closed finishes what it has taken, and takes
// nothing more.
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

// Length returns the length of a text, after a while.
var Length = codec.NewFunc[string, int]("length")

func length(_ context.Context, text string) (int, error) {
	time.Sleep(200 * time.Millisecond)
	return len(text), nil
}

func main() {
	consumer.Handle(Length, length)
	pool.Main()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	p, err := pool.Local(ctx, pool.Processes(1))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(ctx)) }()

	first, err := producer.Submit(ctx, p.Client(), Length, "hello")
	if err != nil {
		return err
	}
	second, err := producer.Submit(ctx, p.Client(), Length, "world!")
	if err != nil {
		return err
	}

	// A wait that ends early changes nothing for the task.
	soon, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	_, err = first.Result(soon)
	fmt.Println("too early:", errors.Is(err, context.DeadlineExceeded))

	// The one process is busy with the first call, so the second can be cancelled.
	cancelled, err := second.Cancel(ctx)
	if err != nil {
		return err
	}
	fmt.Println("cancelled:", cancelled, second.State())
	fmt.Println("as an error:", errors.Is(second.Err(ctx), codec.ErrCancelled))

	fmt.Println("the future:", first) // its id and state, never its value
	result, err := first.Result(ctx)  // its value
	if err != nil {
		return err
	}
	fmt.Println("the result:", result, first.State())

	third, err := producer.Submit(ctx, p.Client(), Length, "submitted before Close")
	if err != nil {
		return err
	}
	if err := p.Close(ctx); err != nil {
		return err
	}
	fmt.Println("after Close:", third.State())
	_, err = producer.Submit(ctx, p.Client(), Length, "too late")
	fmt.Println("too late:", errors.Is(err, producer.ErrClosed))
	return nil
}
