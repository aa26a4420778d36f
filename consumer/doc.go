// Package consumer is the inside of a worker process: the handlers that a
// program registers, and the loop that runs the tasks which its supervisor hands
// it, one after the other.
//
// A program registers its handlers with [Handle] and leaves the rest to package
// pool, which starts worker processes and has each of them [Serve].
package consumer
