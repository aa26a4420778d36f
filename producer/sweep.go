package producer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

const (
	// sweepInterval is how often a client with pending futures asks for outcomes
	// that it may have missed without having lost its connection.
	sweepInterval = 30 * time.Second
	sweepTimeout  = 10 * time.Second
	fetchBatch    = 512
)

func (r *remote) reconnected() {
	select {
	case r.reunited <- struct{}{}:
	default:
	}
}

// collectMissed fetches outcomes that were stored and of which no live copy came:
// after each reconnect, and now and then while futures wait. It ends with the
// transport.
func (r *remote) collectMissed() {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-r.life.Done():
			return
		case <-r.reunited:
		case <-ticker.C:
		}
		if err := errors.Join(r.collect(), r.collectAwaited()); err != nil && r.life.Err() == nil {
			r.logger.Warn("stored outcomes could not be fetched; will try again", "error", err)
		}
	}
}

// collect reads the outcomes that are stored for this client now, over a consumer
// that lasts only for that. Those that it has read it never reads again.
func (r *remote) collect() error {
	if r.to.Pending() == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.life, sweepTimeout)
	defer cancel()
	consumer, err := r.js.CreateConsumer(ctx, broker.ResultsStream, jetstream.ConsumerConfig{
		FilterSubject: broker.ResultWildcard(r.client),
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.swept + 1,
		AckPolicy:     jetstream.AckNonePolicy,
		MemoryStorage: true, InactiveThreshold: sweepTimeout,
	})
	if err != nil {
		return fmt.Errorf("reading %s: %w", broker.ResultsStream, err)
	}
	delivered := uint64(0)
	for left := int(consumer.CachedInfo().NumPending); left > 0; {
		messages, err := consumer.Fetch(min(left, fetchBatch), jetstream.FetchContext(ctx))
		if err != nil {
			return fmt.Errorf("reading %s: %w", broker.ResultsStream, err)
		}
		read := 0
		for msg := range messages.Messages() {
			read++
			at, err := msg.Metadata()
			if delivered++; err != nil || at.Sequence.Consumer != delivered {
				return fmt.Errorf("reading %s: a message is missing: %w", broker.ResultsStream, errors.Join(err, ctx.Err()))
			}
			r.kept(msg.Subject(), msg.Data())
			r.swept = at.Sequence.Stream
		}
		if read == 0 {
			return fmt.Errorf("reading %s: %d messages are missing: %w", broker.ResultsStream, left, errors.Join(messages.Error(), ctx.Err()))
		}
		left -= read
	}
	return nil
}

// collectAwaited asks for the outcome of each other task to which a future is
// attached.
func (r *remote) collectAwaited() error {
	var failed atomic.Pointer[error]
	each(r.to.Awaited(), func(id codec.ID) {
		if failed.Load() != nil {
			return
		}
		ctx, cancel := context.WithTimeout(r.life, lookPatience)
		defer cancel()
		data, err := r.results.Get(ctx, id)
		if err != nil {
			failed.Store(&err)
		} else if data != nil {
			r.kept(broker.ResultSubject(id.Client, id.N), data)
		}
	})
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
