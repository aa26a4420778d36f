// Package builtin holds the funcs that every worker host of the muster command
// offers, with their handlers: something to try a fleet with.
package builtin

import "github.com/musterfleet/muster/consumer"

// Register registers the handlers of the built-in funcs. Call it once, before
// pool.Main; like consumer.Handle it panics if a func has a handler already.
func Register() {
	consumer.Handle(IsPrime, isPrime)
	consumer.Handle(CountPrimes, countPrimes)
	consumer.Handle(Echo, echo)
	consumer.Handle(Sleep, sleep)
	consumer.Handle(SHA256, sum256)
	consumer.Handle(Spin, spin)
}
