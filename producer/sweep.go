package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

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

// collectMissed fetches outcomes that workers stored because the client could
// not be reached: after each reconnect, and now and then while futures wait. It
// ends with the transport.
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
		if r.to.Pending() == 0 {
			continue
		}
		if err := r.collect(); err != nil && r.life.Err() == nil {
			r.logger.Warn("stored outcomes could not be fetched; will try again", "error", err)
		}
	}
}

// collect reads every outcome that is stored for this client now, over a
// consumer that lasts only for that.
func (r *remote) collect() error {
	ctx, cancel := context.WithTimeout(r.life, sweepTimeout)
	defer cancel()
	consumer, err := r.js.CreateConsumer(ctx, broker.ResultsStream, jetstream.ConsumerConfig{
		FilterSubject: broker.ResultWildcard(r.client),
		AckPolicy:     jetstream.AckNonePolicy,
		MemoryStorage: true, InactiveThreshold: sweepTimeout,
	})
	if err != nil {
		return fmt.Errorf("reading %s: %w", broker.ResultsStream, err)
	}
	for left := int(consumer.CachedInfo().NumPending); left > 0; {
		messages, err := consumer.Fetch(min(left, fetchBatch), jetstream.FetchContext(ctx))
		if err != nil {
			return fmt.Errorf("reading %s: %w", broker.ResultsStream, err)
		}
		read := 0
		for msg := range messages.Messages() {
			read++
			if _, err := r.to.Outcomes(msg.Data()); err != nil {
				r.logger.Warn("a stored outcome does not read", "subject", msg.Subject(), "error", err)
			}
		}
		if read == 0 {
			return fmt.Errorf("reading %s: %d messages are missing: %w", broker.ResultsStream, left, errors.Join(messages.Error(), ctx.Err()))
		}
		left -= read
	}
	return nil
}
