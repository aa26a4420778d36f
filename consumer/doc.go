// Package consumer is the inside of a worker process: the handlers that a
// program registers, and the loop that pulls tasks from a queue, runs them one
// after the other and hands off their outcomes.
//
// A program registers its handlers with [Handle] and leaves the rest to package
// pool, which starts worker processes and has each of them [Serve].
package consumer
