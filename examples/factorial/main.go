// Factorial submits calls one by one and collects their results afterwards. The
// results are big integers: 21! is more than an int64 holds.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/big"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Factorial returns n!.
var Factorial = codec.NewFunc[int64, *big.Int]("factorial")

func factorial(_ context.Context, n int64) (*big.Int, error) {
	return new(big.Int).MulRange(1, n), nil
}

func main() {
	consumer.Handle(Factorial, factorial)
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

	start := time.Now()
	numbers := []int64{5, 10, 15, 20, 25, 30}
	var futures []*producer.Future[*big.Int]
	for _, n := range numbers {
		f, err := producer.Submit(ctx, p.Client(), Factorial, n)
		if err != nil {
			return err
		}
		futures = append(futures, f)
	}
	for i, f := range futures {
		result, err := f.Result(ctx) // waits for this one; the others run meanwhile
		if err != nil {
			return err
		}
		fmt.Printf("%d! = %v\n", numbers[i], result)
	}
	fmt.Println("took", time.Since(start).Round(time.Microsecond))
	return nil
}
