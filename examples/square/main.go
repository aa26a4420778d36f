// Square maps a func over the numbers 1 to 10. The calls run in any order, on
// whichever worker process is free; the results come in the order of the numbers.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Square returns n².
var Square = codec.NewFunc[int, int]("square")

func square(_ context.Context, n int) (int, error) { return n * n, nil }

func main() {
	consumer.Handle(Square, square)
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

	start := time.Now()
	numbers := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	var squares []int
	for square, err := range producer.Map(ctx, p.Client(), Square, slices.Values(numbers)) {
		if err != nil {
			return err
		}
		squares = append(squares, square)
	}
	fmt.Println(squares)
	fmt.Println("took", time.Since(start).Round(time.Microsecond))
	return nil
}
