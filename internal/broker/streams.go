package broker

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Lease is how long the broker waits for a delivered task to be acknowledged
// or renewed before it delivers it to another worker process.
const Lease = 3 * time.Second

const (
	// All that a lane's worker processes hold or have put back with a delay:
	// messages, each perhaps a whole batch of tasks. At the limit the lane
	// stands still, so it is far above a fleet's prefetch; the server goes
	// through all of them whenever a lease may have run out, so it is not
	// unlimited.
	maxAckPending = 20_000

	// One standing pull of each worker process on each lane. A pull beyond the limit is
	// dropped without a word, so the limit is far above the largest fleet.
	maxWaiting = 8192

	// How long the server knows a message id: longer than any retry of a
	// publish that is not held up by an outage.
	duplicateWindow = 2 * time.Minute

	// A backstop: whoever stores an outcome gives it a time to live of its own.
	resultsMaxAge = 7 * 24 * time.Hour

	// A month to look at a dead letter, and a bound for a queue where every
	// task dies. The oldest go first: refusing the newest would leave its task
	// in the queue for ever. It is not a bound in bytes because the server sets
	// those aside at once, and fails to create the stream on a small disk.
	deadMaxAge  = 30 * 24 * time.Hour
	deadMaxMsgs = 100_000

	// An argument must live as long as its task waits, and nobody knows how long that
	// is: a paused queue may wait for months. What removes a task removes its
	// argument; this bounds how long one stays whose client died before its task was
	// stored. Results have a time to live of their own.
	objectsMaxAge = 366 * 24 * time.Hour

	// A host that starts reads what was cancelled before. It remembers no more
	// than so many anyway.
	cancelMaxAge  = 24 * time.Hour
	cancelMaxMsgs = 1 << 14
)

// StreamOptions are the operator's choices when streams are created. A zero
// field is no opinion: the default when creating, and anything goes for a
// stream that exists.
type StreamOptions struct {
	// Replicas is on how many servers of a cluster each stream is kept. The
	// default is what [Replicate] finds; consumers have as many as their stream.
	Replicas int

	// MaxBytes bounds a queue's stream; when it is full, publishing fails with
	// [ErrStreamFull]. The default is the store limit of the server or
	// account, because the server sets MaxBytes aside when it creates the
	// stream, whether used or not.
	MaxBytes int64
}

func taskStream(queue string, opts StreamOptions) jetstream.StreamConfig {
	maxBytes := int64(-1)
	if opts.MaxBytes > 0 {
		maxBytes = opts.MaxBytes
	}
	return jetstream.StreamConfig{
		Name:               TaskStream(queue),
		Description:        "muster: tasks of queue " + queue,
		Subjects:           []string{TaskWildcard(queue), KeyWildcard(queue)},
		Retention:          jetstream.WorkQueuePolicy,
		Storage:            jetstream.FileStorage,
		Discard:            jetstream.DiscardNew, // a full queue refuses tasks, it never forgets one
		MaxBytes:           maxBytes,
		Duplicates:         duplicateWindow,
		Replicas:           opts.Replicas,
		AllowAtomicPublish: true, // a unique key and its task
		Sources:            []*jetstream.StreamSource{scheduleSource(queue)},
	}
}

func workersConsumer(queue string, lane Lane) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       WorkersConsumer(lane),
		FilterSubject: TaskSubject(queue, lane),
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       Lease,
		MaxDeliver:    -1, // Muster counts attempts itself: a delivery is not an attempt
		MaxAckPending: maxAckPending,
		MaxWaiting:    maxWaiting,
	}
}

func resultsStream(opts StreamOptions) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              ResultsStream,
		Description:       "muster: outcomes",
		Subjects:          []string{resultsSource},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardOld,
		MaxBytes:          -1,
		MaxMsgsPerSubject: 1,
		MaxAge:            resultsMaxAge,
		Duplicates:        duplicateWindow,
		Replicas:          opts.Replicas,
		AllowDirect:       true,
		AllowMsgTTL:       true,
		RePublish:         &jetstream.RePublish{Source: resultsSource, Destination: resultsLive},
	}
}

func deadStream(opts StreamOptions) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        DeadStream,
		Description: "muster: dead letters",
		Subjects:    []string{deadPrefix + ">"},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardOld,
		MaxMsgs:     deadMaxMsgs,
		MaxBytes:    -1,
		MaxAge:      deadMaxAge,
		Duplicates:  duplicateWindow,
		Replicas:    opts.Replicas,

		MaxMsgsPerSubject: 1, // one letter for a task
	}
}

func cancelStream(opts StreamOptions) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        CancelStream,
		Description: "muster: requests to cancel",
		Subjects:    []string{CancelSubject("*"), CancelAnySubject},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardOld,
		MaxMsgs:     cancelMaxMsgs,
		MaxBytes:    -1,
		MaxAge:      cancelMaxAge,
		Replicas:    opts.Replicas,
	}
}

// ObjectBucket is the object store for values too large for one message, and
// ObjectStreamName the stream that it is kept in.
const (
	ObjectBucket     = "MUSTER"
	ObjectStreamName = "OBJ_" + ObjectBucket
)

// ObjectStream is the stream of the object store. It is one as client libraries make
// it, but keeps objects for longer, and lets them have a time to live.
func ObjectStream(opts StreamOptions) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        ObjectStreamName,
		Description: "Muster: arguments and results too large for one message",
		Subjects:    []string{"$O." + ObjectBucket + ".C.>", "$O." + ObjectBucket + ".M.>"},
		MaxAge:      objectsMaxAge,
		MaxBytes:    -1,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		Replicas:    opts.Replicas,
		AllowRollup: true,
		AllowDirect: true,
		AllowMsgTTL: true,
	}
}
