// Package transport is the seam between a client and whoever runs its tasks. In
// production that is the broker; in users' unit tests the calling process.
package transport

import (
	"context"
	"net"
	"time"

	"github.com/musterfleet/muster/codec"
)

// Transport carries batches of tasks away from one client, and what becomes of
// them back to it. Its methods are safe for concurrent use.
type Transport interface {
	// Open begins: from now on until Close has returned, what becomes of the
	// client's tasks goes to the receiver. After an error Close is called too.
	Open(ctx context.Context, client string, to Receiver) error

	// Queue makes a queue ready for tasks.
	Queue(ctx context.Context, queue string) error

	// Send takes a batch for a queue that was made ready. It calls stored once,
	// from another goroutine: with nil when the tasks will be run whatever happens
	// to the client, or with an error when they never will be. Send does not block;
	// until stored is called the batch is the transport's, and then the client's again.
	Send(b Batch, stored func(error))

	// SendUnique stores a batch of one task that has a key, unless another task
	// has that key, and returns the task that has it now. After an error
	// that is ctx's the task may be stored all the same.
	SendUnique(ctx context.Context, b Batch) (KeyHolder, error)

	// Release takes a key from a task that is done; it is no error if another has
	// it, or none.
	Release(ctx context.Context, queue, key string, id codec.ID) error

	// Scheduled returns the encoded batch of a task that waits for its time, and nil
	// if it does not.
	Scheduled(ctx context.Context, id codec.ID) ([]byte, error)

	// Unschedule removes a task that waits for its time; it is no error if it does
	// not.
	Unschedule(ctx context.Context, id codec.ID) error

	// Local returns the worker host in the client's own program, nil if there is none.
	Local() LocalHost

	// Cancel passes on an encoded request (codec.AppendCancel) not to start tasks
	// of a queue, or of any if the queue is empty. It does not block, and the
	// request may be lost.
	Cancel(queue string, request []byte) error

	// AskCancel passes on a request like Cancel, for any queue, and returns once it is
	// kept for workers that come later. Workers that run some of its tasks say so to
	// the receiver.
	AskCancel(ctx context.Context, request []byte) error

	// MaxPayload is the longest batch or request, in bytes.
	MaxPayload() int

	// Objects is where values go that are longer than MaxPayload, and nil if there
	// is no such place.
	Objects() Objects

	// Results is where outcomes are kept.
	Results() Results

	// Crons is where schedules are kept that submit a task again and again.
	Crons() Crons

	// Trouble says in a few words what is wrong with the transport, and nothing
	// if it works.
	Trouble() string

	// Close ends it, and returns when no call of the receiver or of a stored
	// function is under way or will come, but for those of a Send that comes
	// after. What was not stored is given up with an error.
	Close()
}

// LocalHost is a worker host in the client's own program. Its methods are safe for
// concurrent use and do not block.
type LocalHost interface {
	// Attach has a client's outcomes passed to outcomes: messages as those of
	// [Receiver]. After an error, which says that the client is closed, they are
	// dropped. It is called once, before the client takes tasks.
	Attach(client string, outcomes func(data []byte) (int, error))

	// Take takes a batch, which is not sent then, if a process of the host can begin it
	// at once. The batch's data is the client's again when Take returns. Then begin is
	// to be called, without a lock, which hands the batch to the process.
	Take(b Batch) (begin func(), ok bool)

	// Withhold has the host start none of the attached client's tasks of those numbers
	// any more, and returns the numbers of those that have started. Nothing becomes of
	// the others until release is called, which is to be soon.
	Withhold(tasks []uint64) (started []uint64, release func())
}

// Supervisor connects a client in a worker process to the broker: see
// [github.com/musterfleet/muster/internal/relay].
type Supervisor struct {
	// Dial returns a connection at whose other end is a NATS server that wants no
	// credentials. Its parameters are of no use. It is called again when that
	// connection is lost.
	Dial func(network, address string) (net.Conn, error)
	// Group and InboxPrefix are those of the host.
	Group, InboxPrefix string
}

// Batch is tasks on their way to a queue.
type Batch struct {
	Queue string
	Lane  int    // 0 to 2, the most urgent first
	Data  []byte // an encoded codec.Batch

	// Of a batch of one task:

	ID  codec.ID
	At  time.Time // not to be started before, if set
	Key string    // of which one task may wait or run at a time

	Func string // that a task with a key calls
}

// KeyHolder is the task that has a key.
type KeyHolder struct {
	ID   codec.ID
	Func string // that it calls; empty if that is not known
}

// Objects keeps large values under names that it chooses. Its methods are
// safe for concurrent use.
type Objects interface {
	// Put stores a value under a new name, for ttl if that is not 0.
	Put(ctx context.Context, data []byte, ttl time.Duration) (name string, err error)
	// MaxAge returns how long a value is kept that nobody removes, and 0 without a limit.
	MaxAge(ctx context.Context) (time.Duration, error)
	// Get returns a value of at most most bytes.
	Get(ctx context.Context, name string, most int64) ([]byte, error)
	// Remove removes a value; it is no error if it is not there.
	Remove(ctx context.Context, name string) error
}

// Results keeps outcomes, each as a message of one (codec.Outcomes). Its methods
// are safe for concurrent use.
type Results interface {
	// Get returns the outcome that is kept for a task, and nil if there is none.
	Get(ctx context.Context, id codec.ID) ([]byte, error)
	// Keep stores an outcome for so long, unless there is one already, and gives
	// the one that stands then.
	Keep(ctx context.Context, id codec.ID, outcome []byte, retain time.Duration) ([]byte, error)
	// Watch begins to pass the outcomes that are stored for another client's tasks
	// to the receiver, until stop is called. Neither blocks. One may be missed, so
	// the transport asks again for those that the receiver awaits.
	Watch(client string) (stop func(), err error)
}

// Crons keeps schedules under their names. Its methods are safe for concurrent
// use.
type Crons interface {
	// Set stores a schedule in place of one of the same name: the batch, of one
	// task, is to be stored whenever expr says, in a time zone or in UTC.
	Set(ctx context.Context, name, expr, zone string, b Batch) error
	// Remove removes a schedule; it is no error if it is not there.
	Remove(ctx context.Context, name string) error
}

// Receiver is the client's side. Its methods do not block and do not keep data,
// which is encoded as package codec says; their errors mean that it does not
// read.
type Receiver interface {
	// Outcomes takes a message of outcomes of the client's tasks, and returns how many
	// it read.
	Outcomes(data []byte) (int, error)
	// Kept takes a message of outcomes of anybody's tasks that are kept in Results.
	Kept(data []byte) error
	// Started takes a notice that a task has started.
	Started(data []byte) error
	// Running takes an answer to AskCancel: a request of the tasks that run.
	Running(data []byte) error
	// Progress takes a report of a running task.
	Progress(data []byte) error
	// Pending returns how many outcomes of its own tasks the client waits for.
	Pending() int
	// Awaited returns the other tasks whose outcomes it waits for.
	Awaited() []codec.ID
}
