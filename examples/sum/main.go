// Sum calls a func of two arguments, which travel as one struct. Map gives the
// results in the order of the calls; AsCompleted gives the futures as they are
// done, and since futures can be keys of a map, each leads back to its arguments.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Pair is the argument of Sum.
type Pair struct{ X, Y int }

// Sum returns X+Y, in its own time.
var Sum = codec.NewFunc[Pair, int]("sum")

func sum(_ context.Context, p Pair) (int, error) {
	time.Sleep(rand.N(50 * time.Millisecond))
	return p.X + p.Y, nil
}

func main() {
	consumer.Handle(Sum, sum)
	pool.Main()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	p, err := pool.Local(ctx, pool.Processes(4))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(ctx)) }()

	pairs := []Pair{{1, 1}, {2, 2}, {3, 3}, {4, 4}}
	fmt.Println("in the order of the calls:")
	for result, err := range producer.Map(ctx, p.Client(), Sum, slices.Values(pairs)) {
		if err != nil {
			return err
		}
		fmt.Println(result)
	}

	fmt.Println("as they are done:")
	calls := map[*producer.Future[int]]Pair{}
	for _, pair := range pairs {
		f, err := producer.Submit(ctx, p.Client(), Sum, pair)
		if err != nil {
			return err
		}
		calls[f] = pair
	}
	for f, err := range producer.AsCompleted(ctx, maps.Keys(calls)) {
		if err != nil {
			return err // ctx ended; the task's own error comes with its result
		}
		result, err := f.Result(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("%d + %d = %d\n", calls[f].X, calls[f].Y, result)
	}
	return nil
}
