package producer

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

const (
	// sweepInterval is how often a client with pending futures asks for outcomes
	// that it may have missed without having lost its connection.
	sweepInterval = 30 * time.Second
	// sweepAgain is how soon it asks again when it was not answered, as by a
	// stream that is about to choose another leader.
	sweepAgain   = time.Second
	sweepTimeout = 10 * time.Second
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
	var again <-chan time.Time
	for {
		select {
		case <-r.life.Done():
			return
		case <-r.reunited:
		case <-ticker.C:
		case <-again:
		}
		again = nil
		if err := errors.Join(r.collect(), r.collectAwaited()); err != nil && r.life.Err() == nil {
			r.logger.Warn("stored outcomes could not be fetched; will try again", "error", err)
			again = time.After(sweepAgain)
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
	read, complete := uint64(0), true
	want := broker.Selection{Subjects: []string{broker.ResultWildcard(r.client)}, After: r.swept}
	return broker.Collect(ctx, r.js, broker.ResultsStream, want, func(msg jetstream.Msg) {
		r.kept(msg.Subject(), msg.Data())
		read++
		at, err := msg.Metadata()
		if complete = complete && err == nil && at.Sequence.Consumer == read; complete {
			r.swept = at.Sequence.Stream
		}
	})
}

// collectAwaited asks for the outcome of each other task to which a future is
// attached.
func (r *remote) collectAwaited() error {
	return each(r.to.Awaited(), func(id codec.ID) error {
		ctx, cancel := context.WithTimeout(r.life, lookTimeout)
		defer cancel()
		data, err := r.results.Get(ctx, id)
		if err == nil && data != nil {
			r.kept(broker.ResultSubject(id.Client, id.N), data)
		}
		return err
	})
}
