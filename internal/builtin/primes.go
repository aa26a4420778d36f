package builtin

import (
	"context"
	"math"

	"github.com/musterfleet/muster/codec"
)

// IsPrime tells whether a number is prime, by trial division: it is meant to be
// work, of up to some seconds for the largest primes.
var IsPrime = codec.NewFunc[uint64, bool]("is_prime")

// CountPrimes counts the primes in a range, by trial division. It fails with the
// context's error when that ends first.
var CountPrimes = codec.NewFunc[Range, int]("count_primes")

// Range is the numbers from From up to, and without, To. It is empty if To is
// not greater than From.
type Range struct {
	From uint64 `msgpack:"from"`
	To   uint64 `msgpack:"to"`
}

func isPrime(_ context.Context, n uint64) (bool, error) { return prime(n), nil }

// checkEvery is how many numbers are looked at between two looks at the context.
const checkEvery = 1 << 12

func countPrimes(ctx context.Context, r Range) (int, error) {
	count := 0
	for n := r.From; n < r.To; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if prime(n) {
			count++
		}
	}
	return count, nil
}

func prime(n uint64) bool {
	if n <= math.MaxUint32 {
		return divide(uint32(n)) // processors divide short numbers faster
	}
	return divide(n)
}

// divide divides n by 2, by 3, and by every 6k±1 up to its square root: no other
// number can be its smallest divisor.
func divide[T uint32 | uint64](n T) bool {
	if n < 4 {
		return n > 1
	}
	if n%2 == 0 || n%3 == 0 {
		return false
	}
	// One more than the root, since it is rounded; squares of divisors would
	// overflow near the end of T.
	last := T(math.Sqrt(float64(n))) + 1
	for d := T(5); d <= last; d += 6 {
		if n%d == 0 || n%(d+2) == 0 {
			return false
		}
	}
	return true
}
