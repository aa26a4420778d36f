// Errors submits calls that fail at random. Whoever asks a future for its result
// gets the handler's error, here as text in a list that keeps the order of the
// calls; one failure never disturbs the others.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// MaybeSquare returns n², or fails.
var MaybeSquare = codec.NewFunc[int, int]("maybe_square")

func maybeSquare(_ context.Context, n int) (int, error) {
	switch rand.N(4) {
	case 0:
		//lint:ignore ST1005 the tutorial's own text
		return 0, errors.New("OW!!")
	case 1:
		panic("OUCH!!") // the worker process survives a panic, too
	}
	return n * n, nil
}

func main() {
	consumer.Handle(MaybeSquare, maybeSquare)
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

	var futures []*producer.Future[int]
	for n := range 10 {
		f, err := producer.Submit(ctx, p.Client(), MaybeSquare, n)
		if err != nil {
			return err
		}
		futures = append(futures, f)
	}
	for n, f := range futures {
		square, err := f.Result(ctx)
		switch {
		case errors.Is(err, codec.ErrPanic):
			fmt.Printf("%d: panicked: %v\n", n, err)
		case err != nil:
			fmt.Printf("%d: failed with %v\n", n, err)
		default:
			fmt.Printf("%d: %d\n", n, square)
		}
	}
	return nil
}
