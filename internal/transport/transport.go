// Package transport is the seam between a client and whoever runs its tasks. In
// production that is the broker; in users' unit tests the calling process.
package transport

import "context"

// Transport carries batches of tasks away from one client, and what becomes of
// them back to it. Its methods are safe for concurrent use.
type Transport interface {
	// Open begins: from now on until Close has returned, what becomes of the
	// client's tasks goes to the receiver. After an error Close is called too.
	Open(ctx context.Context, client string, to Receiver) error

	// Queue makes a queue ready for tasks.
	Queue(ctx context.Context, queue string) error

	// Send takes an encoded codec.Batch for a queue that was made ready. It calls
	// stored once, from another goroutine: with nil when the tasks will be run
	// whatever happens to the client, or with an error when they never will be.
	// Send does not block; until stored is called the batch is the transport's.
	Send(queue string, batch []byte, stored func(error))

	// Cancel passes on an encoded request (codec.AppendCancel) not to start tasks
	// of a queue. It does not block, and the request may be lost.
	Cancel(queue string, request []byte) error

	// MaxPayload is the longest batch or request, in bytes.
	MaxPayload() int

	// Objects is where values go that are longer than MaxPayload, and nil if there
	// is no such place.
	Objects() Objects

	// Trouble says in a few words what is wrong with the transport, and nothing
	// if it works.
	Trouble() string

	// Close ends it, and returns when no call of the receiver or of a stored
	// function is under way or will come, but for those of a Send that comes
	// after. What was not stored is given up with an error.
	Close()
}

// Objects keeps large values under names that it gives them. Its methods are
// safe for concurrent use.
type Objects interface {
	// Put stores a value under a new name.
	Put(ctx context.Context, data []byte) (name string, err error)
	// Get gives a value of at most most bytes.
	Get(ctx context.Context, name string, most int64) ([]byte, error)
	// Remove removes a value; it is no error if it is not there.
	Remove(ctx context.Context, name string) error
}

// Receiver is the client's side. Its methods do not block and do not keep data,
// which is encoded as package codec says; their errors mean that it does not
// read.
type Receiver interface {
	// Outcomes takes a message of outcomes, and gives how many it read.
	Outcomes(data []byte) (int, error)
	// Started takes a notice that a task has started.
	Started(data []byte) error
	// Pending gives how many outcomes the client is waiting for.
	Pending() int
}
