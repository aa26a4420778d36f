// Primes is the first program: it asks worker processes which numbers are prime.
package main

import (
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// IsPrime is shared by the programs that call it and those that handle it.
var IsPrime = codec.NewFunc[uint64, bool]("is_prime")

func isPrime(_ context.Context, n uint64) (bool, error) {
	if n < 2 || n > 2 && n%2 == 0 {
		return false, nil
	}
	for d := uint64(3); d*d <= n; d += 2 {
		if n%d == 0 {
			return false, nil
		}
	}
	return true, nil
}

func main() {
	consumer.Handle(IsPrime, isPrime) // what a worker process can run
	pool.Main()                       // a worker process stays here and serves

	ctx := context.Background()
	p, err := pool.Local(ctx) // embedded NATS, one process per CPU
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close(ctx)

	f, err := producer.Submit(ctx, p.Client(), IsPrime, 112272535095293)
	if err != nil {
		log.Fatal(err)
	}
	prime, err := f.Result(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(112272535095293, prime)

	numbers := []uint64{112582705942171, 115280095190773, 115797848077099, 1099726899285419}
	i := 0
	for prime, err := range producer.Map(ctx, p.Client(), IsPrime, slices.Values(numbers)) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(numbers[i], prime)
		i++
	}
}
