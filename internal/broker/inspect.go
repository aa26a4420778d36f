package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Inspection is what there is of a stream that Muster needs.
type Inspection struct {
	Stream string
	Info   *jetstream.StreamInfo // nil if there is no such stream

	// Taken names the stream that takes the subjects of one that is missing.
	Taken string

	// Differences tell in which fields the stream, or one of its consumers, is not
	// as Muster needs it.
	Differences []string

	Missing []string // consumers that are not there
}

// InspectShared looks at the streams that all queues share, and creates and
// changes nothing. What it has seen before an error it returns too.
func InspectShared(ctx context.Context, js jetstream.JetStream) (all []Inspection, err error) {
	opts := StreamOptions{}
	for _, want := range []jetstream.StreamConfig{resultsStream(opts), deadStream(opts), scheduleStream(opts), cancelStream(opts)} {
		seen, err := inspect(ctx, js, want)
		if err != nil {
			return all, err
		}
		all = append(all, seen)
	}
	return all, nil
}

// InspectQueue is [InspectShared] for the stream and consumers of a queue, which
// there need not be. Its error may be [ErrQueueName].
func InspectQueue(ctx context.Context, js jetstream.JetStream, queue string) (Inspection, error) {
	if err := ValidQueue(queue); err != nil {
		return Inspection{}, err
	}
	seen, err := inspect(ctx, js, taskStream(queue, StreamOptions{}))
	if err != nil || seen.Info == nil {
		return seen, err
	}
	if err := seen.consumer(ctx, js, ScheduleStream, feedConsumer(queue)); err != nil {
		return seen, err
	}
	for _, lane := range Lanes {
		if err := seen.consumer(ctx, js, seen.Stream, workersConsumer(queue, lane)); err != nil {
			return seen, err
		}
	}
	return seen, nil
}

func inspect(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (Inspection, error) {
	seen := Inspection{Stream: want.Name}
	stream, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		for _, subject := range want.Subjects {
			if seen.Taken, err = js.StreamNameBySubject(ctx, subject); err == nil {
				break
			}
		}
		return seen, nil
	}
	if err != nil {
		return seen, fmt.Errorf("looking at stream %s: %w", want.Name, err)
	}
	seen.Info = stream.CachedInfo()
	seen.Differences = streamDifferences(want, seen.Info.Config, StreamOptions{})
	return seen, nil
}

func (s *Inspection) consumer(ctx context.Context, js jetstream.JetStream, stream string, want jetstream.ConsumerConfig) error {
	info, err := consumerInfo(js.Consumer(ctx, stream, want.Durable))
	if errors.Is(err, jetstream.ErrNotPullConsumer) {
		info, err = consumerInfo(js.PushConsumer(ctx, stream, want.Durable))
	}
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		s.Missing = append(s.Missing, want.Durable+" of "+stream)
	case err != nil:
		return fmt.Errorf("looking at consumer %s of stream %s: %w", want.Durable, stream, err)
	default:
		for _, d := range consumerDifferences(want, info.Config) {
			s.Differences = append(s.Differences, "consumer "+want.Durable+" of "+stream+": "+d)
		}
	}
	return nil
}
