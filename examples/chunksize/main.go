// Chunksize measures what the chunk size of Map does to many small tasks, and
// prints a table. Small chunks cost a message for few items; large ones leave
// processes idle, since a chunk is run by one process. Without the option Map
// chooses by how long the tasks have run so far.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

const items = 10000

// Answer is a result, and the process that gave it.
type Answer struct {
	Prime bool
	PID   int
}

// IsPrime tells whether n is a prime number.
var IsPrime = codec.NewFunc[int, Answer]("is_prime")

func isPrime(_ context.Context, n int) (Answer, error) {
	prime := n > 1
	for d := 2; d*d <= n && prime; d++ {
		prime = n%d != 0
	}
	return Answer{prime, os.Getpid()}, nil
}

func main() {
	consumer.Handle(IsPrime, isPrime)
	pool.Main()
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	p, err := pool.Local(ctx, pool.Processes(2))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(ctx)) }()

	fmt.Printf("%6s %8s %10s %10s %14s\n", "chunk", "primes", "time", "items/s", "busiest share")
	for _, chunk := range []int{1, 10, 100, 1000, items} {
		if err := measure(ctx, p.Client(), strconv.Itoa(chunk), producer.Chunk(chunk)); err != nil {
			return err
		}
	}
	return measure(ctx, p.Client(), "auto")
}

// measure maps IsPrime over the items and prints a row of the table.
func measure(ctx context.Context, c *producer.Client, name string, options ...producer.CallOption) error {
	start := time.Now()
	primes := 0
	share := map[int]int{} // items by process
	for answer, err := range producer.Map(ctx, c, IsPrime, count(items), options...) {
		if err != nil {
			return err
		}
		if answer.Prime {
			primes++
		}
		share[answer.PID]++
	}
	elapsed := time.Since(start)
	busiest := 0
	for _, n := range share {
		busiest = max(busiest, n)
	}
	fmt.Printf("%6s %8d %10v %10.0f %13d%%\n", name, primes, elapsed.Round(10*time.Microsecond),
		items/elapsed.Seconds(), 100*busiest/items)
	return nil
}

// count yields the numbers from 0 to n-1.
func count(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}
