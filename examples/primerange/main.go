// Primerange finds the primes of a range. One task per number would be far too
// small a piece of work, so the range is split and each task gets a part: more
// parts than processes, since the parts are not equally hard.
package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Range is the numbers from From up to, and not including, To.
type Range struct{ From, To int }

// Primes returns the primes of a range.
var Primes = codec.NewFunc[Range, []int]("primes")

func primes(_ context.Context, r Range) ([]int, error) {
	var found []int
next:
	for n := max(r.From, 2); n < r.To; n++ {
		for d := 2; d*d <= n; d++ {
			if n%d == 0 {
				continue next
			}
		}
		found = append(found, n)
	}
	return found, nil
}

func main() {
	consumer.Handle(Primes, primes)
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

	for _, limit := range []int{100, 100_000} {
		var all []int // in order, since Map yields in order
		for part, err := range producer.Map(ctx, p.Client(), Primes, split(limit, 20)) {
			if err != nil {
				return err
			}
			all = append(all, part...)
		}
		fmt.Printf("%d primes below %d, the last of them %d\n", len(all), limit, all[len(all)-1])
	}
	return nil
}

// split cuts the numbers below limit into parts of about the same length.
func split(limit, parts int) iter.Seq[Range] {
	return func(yield func(Range) bool) {
		for i := range parts {
			if !yield(Range{limit * i / parts, limit * (i + 1) / parts}) {
				return
			}
		}
	}
}
