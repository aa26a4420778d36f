package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// EnsureQueue creates the stream and consumers of a queue if they are missing,
// and otherwise compares them with what Muster needs. It changes nothing that
// exists. Any number of hosts and clients may call it at the same time. Who may not
// look at what all queues share takes it for what it should be.
//
// The errors are [ErrQueueName], [ErrPermission] for a queue that is not the user's,
// and where something is missing that the user may not create, and
// [ErrForeignStream], which names every differing field, besides those of the
// JetStream API.
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
