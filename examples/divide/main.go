// Divide shows how an error gets from a handler to its caller: the future gives
// it as a codec.RemoteError. A failure is its own call's alone; the worker
// process, the other futures and a Map go on.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Fraction is the argument of Divide: a func of two arguments takes a struct.
type Fraction struct{ A, B float64 }

// Divide returns A/B.
var Divide = codec.NewFunc[Fraction, float64]("divide")

func divide(_ context.Context, f Fraction) (float64, error) {
	if f.B == 0 {
		return 0, errors.New("cannot divide by zero")
	}
	return f.A / f.B, nil
}

func main() {
	consumer.Handle(Divide, divide)
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

	good, err := producer.Submit(ctx, p.Client(), Divide, Fraction{10, 2})
	if err != nil {
		return err
	}
	bad, err := producer.Submit(ctx, p.Client(), Divide, Fraction{5, 0})
	if err != nil {
		return err
	}
	for _, f := range []*producer.Future[float64]{good, bad} {
		quotient, err := f.Result(ctx)
		if remote, ok := errors.AsType[*codec.RemoteError](err); ok {
			fmt.Println("the handler failed:", remote.Message)
			continue
		}
		if err != nil {
			return err // something else: the broker, or a worker process that died
		}
		fmt.Println("the quotient is", quotient)
	}

	// Map yields an error in its argument's place, and goes on.
	fractions := []Fraction{{1, 2}, {1, 0}, {3, 2}}
	for quotient, err := range producer.Map(ctx, p.Client(), Divide, slices.Values(fractions)) {
		fmt.Println(quotient, err)
	}
	return nil
}
