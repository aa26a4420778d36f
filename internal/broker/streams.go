package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Lease is how long the broker waits for a delivered task to be acknowledged
// or renewed before it gives it to another worker process.
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

// EnsureQueue creates the stream and consumers of a queue if they are missing,
// and otherwise compares them with what Muster needs. It changes nothing that
// exists. Any number of hosts and clients may call it at the same time.
// Who may not look at what all queues share takes it for what it should be. The errors
// are [ErrQueueName], [ErrPermission] for a queue that is not the user's, and where
// something is missing that the user may not create, and [ErrForeignStream], which names every differing field, besides
// those of the JetStream API.
func EnsureQueue(ctx context.Context, js jetstream.JetStream, queue string, opts StreamOptions) error {
	if err := ValidQueue(queue); err != nil {
		return err
	}
	// The queue's stream fetches from the schedules by way of a consumer there. All
	// queues share them, so what is said of one is no opinion about those that exist.
	switch err := ensureStream(ctx, js, scheduleStream(opts), StreamOptions{}); {
	case isRefusedLook(err):
	case err != nil:
		return err
	default:
		if err := ensureConsumer(ctx, js, ScheduleStream, feedConsumer(queue)); err != nil {
			return err
		}
	}
	if err := ensureStream(ctx, js, taskStream(queue, opts), opts); err != nil {
		if isRefusedLook(err) { // whoever may use a queue may look at it
			return fmt.Errorf("%w: give the user permission for queue %s, or use another", err, queue)
		}
		return err
	}
	for _, lane := range Lanes {
		if err := ensureConsumer(ctx, js, TaskStream(queue), workersConsumer(queue, lane)); err != nil {
			return err
		}
	}
	return nil
}

// EnsureShared does for the streams that all queues share what [EnsureQueue] does
// for a queue.
func EnsureShared(ctx context.Context, js jetstream.JetStream, opts StreamOptions) error {
	for _, stream := range []jetstream.StreamConfig{resultsStream(opts), deadStream(opts), scheduleStream(opts), cancelStream(opts)} {
		err := ensureStream(ctx, js, stream, opts)
		if isRefusedLook(err) {
			return nil // a client that is not to know what others store; it need not
		}
		if err != nil {
			return err
		}
	}
	return nil
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

// ensureStream returns nil when a stream such as want exists, made now or
// before. Creating is idempotent at the server, so of several who find it
// missing all succeed, or find what another has made.
func ensureStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig, opts StreamOptions) error {
	stream, err := untilLed(ctx, js.Conn(), func(ctx context.Context) (jetstream.Stream, error) {
		stream, err := js.Stream(ctx, want.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			stream, err = createStream(ctx, js, want)
			if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				stream, err = js.Stream(ctx, want.Name)
			}
		}
		return stream, err
	})
	if errors.Is(err, ErrPermission) && !isRefusedLook(err) {
		return fmt.Errorf("stream %s is missing: %w: let an operator create it, with muster queue create", want.Name, err)
	}
	if apiCode(err) == errCodeSubjectOverlap {
		return fmt.Errorf("%w: stream %s: another stream takes subjects of %q: rename or delete it", ErrForeignStream, want.Name, want.Subjects)
	}
	if err != nil {
		return fmt.Errorf("ensuring stream %s: %w", want.Name, err)
	}
	return foreign("stream "+want.Name, streamDifferences(want, stream.CachedInfo().Config, opts))
}

// ensureConsumer is [ensureStream] for a consumer.
func ensureConsumer(ctx context.Context, js jetstream.JetStream, stream string, want jetstream.ConsumerConfig) error {
	info, err := untilLed(ctx, js.Conn(), func(ctx context.Context) (*jetstream.ConsumerInfo, error) {
		info, err := consumerInfo(js.Consumer(ctx, stream, want.Durable))
		if errors.Is(err, jetstream.ErrNotPullConsumer) {
			info, err = consumerInfo(js.PushConsumer(ctx, stream, want.Durable))
		}
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			info, err = createConsumer(ctx, js, stream, want)
		}
		return info, err
	})
	if errors.Is(err, ErrPermission) && !isRefusedLook(err) {
		return fmt.Errorf("consumer %s of stream %s is missing: %w: let an operator create it, with muster queue create", want.Durable, stream, err)
	}
	if err != nil {
		return fmt.Errorf("ensuring consumer %s of stream %s: %w", want.Durable, stream, err)
	}
	return foreign("consumer "+want.Durable+" of stream "+stream, consumerDifferences(want, info.Config))
}

func createConsumer(ctx context.Context, js jetstream.JetStream, stream string, want jetstream.ConsumerConfig) (*jetstream.ConsumerInfo, error) {
	if want.DeliverSubject == "" {
		return consumerInfo(js.CreateConsumer(ctx, stream, want))
	}
	return consumerInfo(js.CreatePushConsumer(ctx, stream, want))
}

func consumerInfo(c interface {
	CachedInfo() *jetstream.ConsumerInfo
}, err error) (*jetstream.ConsumerInfo, error) {
	if err != nil {
		return nil, err
	}
	return c.CachedInfo(), nil
}
