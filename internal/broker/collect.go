package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	collectBatch = 512
	// collectorLife is how long the server keeps a collector that has gone.
	collectorLife = 10 * time.Second
)

// Selection says which of a stream's messages are wanted: those at the subjects,
// and of these, if After is set, what is stored after that sequence, or, if Since
// is, what was stored since that time.
type Selection struct {
	Subjects []string
	After    uint64
	Since    time.Time
}

// Collect calls fn with every message that is selected and stored when it begins,
// in order, over a consumer that lasts only for that. Messages stay where they
// are. Its error is ctx's, one of the JetStream API, or says that messages are
// missing.
func Collect(ctx context.Context, js jetstream.JetStream, stream string, want Selection, fn func(jetstream.Msg)) error {
	config := jetstream.ConsumerConfig{
		FilterSubjects: want.Subjects, AckPolicy: jetstream.AckNonePolicy,
		MemoryStorage: true, InactiveThreshold: collectorLife,
	}
	switch {
	case want.After > 0:
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, want.After+1
	case !want.Since.IsZero():
		config.DeliverPolicy, config.OptStartTime = jetstream.DeliverByStartTimePolicy, &want.Since
	}
	consumer, err := untilLed(ctx, js.Conn(), func(ctx context.Context) (jetstream.Consumer, error) {
		return js.CreateConsumer(ctx, stream, config)
	})
	if err != nil {
		return fmt.Errorf("reading %s: %w", stream, err)
	}
	for left := int(consumer.CachedInfo().NumPending); left > 0; {
		messages, err := consumer.Fetch(min(left, collectBatch), jetstream.FetchContext(ctx))
		if err != nil {
			return fmt.Errorf("reading %s: %w", stream, err)
		}
		read := 0
		for msg := range messages.Messages() {
			read++
			fn(msg)
		}
		if read == 0 {
			return fmt.Errorf("reading %s: %d messages are missing: %w", stream, left, errors.Join(messages.Error(), ctx.Err()))
		}
		left -= read
	}
	return nil
}
