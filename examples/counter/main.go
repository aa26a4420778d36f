// Counter shows that processes share no memory. Each worker process counts in a
// variable of its own, and the program's stays 0. What a task has found out
// belongs in its result, and the sum is made where the results arrive.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

var counter int // one in each process

// Increment adds n to the counter of the process that runs it, and returns n.
var Increment = codec.NewFunc[int, int]("increment")

func increment(_ context.Context, n int) (int, error) {
	counter += n // the pitfall: nobody else sees this
	return n, nil
}

func main() {
	consumer.Handle(Increment, increment)
	pool.Main()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	p, err := pool.Local(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(ctx)) }()

	ones := func(yield func(int) bool) {
		for range 10 {
			if !yield(1) {
				return
			}
		}
	}
	sum := 0
	for n, err := range producer.Map(ctx, p.Client(), Increment, ones) {
		if err != nil {
			return err
		}
		sum += n
	}
	fmt.Println("counter of this process:", counter)
	fmt.Println("sum of the results:", sum)
	return nil
}
