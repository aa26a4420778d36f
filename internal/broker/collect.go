package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	collectBatch = 512
	// collectWait bounds the wait for messages that are stored: they come at once,
	// or not at all.
	collectWait = time.Second
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
// are. What is removed meanwhile may be missing. Its error is ctx's, or one of the
// JetStream API.
func Collect(ctx context.Context, js jetstream.JetStream, stream string, want Selection, fn func(jetstream.Msg)) error {
	config := jetstream.ConsumerConfig{
		Name:           rand.Text(), // whoever may pull here at all must not guess it
		FilterSubjects: want.Subjects, AckPolicy: jetstream.AckNonePolicy,
		MemoryStorage: true, InactiveThreshold: collectorLife,
	}
	if len(want.Subjects) == 1 {
		// Then it is in the subject of the request, and permissions can be for it.
		config.FilterSubject, config.FilterSubjects = want.Subjects[0], nil
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
		batch := min(left, collectBatch)
		messages, err := consumer.Fetch(batch, jetstream.FetchMaxWait(collectWait))
		if err != nil {
			return fmt.Errorf("reading %s: %w", stream, err)
		}
		read := 0
		for msg := range messages.Messages() {
			read++
			fn(msg)
		}
		if left -= read; read == batch {
			continue
		}
		// They are late, or some have gone meanwhile whose time was over.
		info, err := consumer.Info(ctx)
		if err != nil {
			return fmt.Errorf("reading %s: %w", stream, errors.Join(err, messages.Error()))
		}
		left = min(left, int(info.NumPending))
	}
	return nil
}
