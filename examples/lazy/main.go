// Lazy maps a func over an endless sequence. Map reads arguments only so far
// ahead of the results as Buffer says, and leaving the loop cancels the calls
// that have not started.
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

// Triangle returns the sum of the numbers from 1 to n.
var Triangle = codec.NewFunc[int, int]("triangle")

func triangle(_ context.Context, n int) (int, error) { return n * (n + 1) / 2, nil }

func main() {
	consumer.Handle(Triangle, triangle)
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

	for t, err := range producer.Map(ctx, p.Client(), Triangle, naturals, producer.Buffer(8)) {
		if err != nil {
			return err
		}
		if t > 50 {
			break
		}
		fmt.Println(t)
	}
	return nil
}

// naturals yields 1, 2, 3 and so on.
func naturals(yield func(int) bool) {
	for n := 1; yield(n); n++ {
	}
}
