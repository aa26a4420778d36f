package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// Outcome is what a task came to, as the broker keeps it.
type Outcome struct {
	At    time.Time     // when it was stored
	Run   time.Duration // how long the handler ran
	Cause *Cause        // of a task that failed; else nil
	Value []byte        // encoded as MessagePack; empty if it was too large for a message
}

// Outcome returns the outcome that is kept for a task, by its id. Only those of
// durable tasks are kept, and those that could not be handed off, for their time.
// The error wraps [ErrNoOutcome] or codec.ErrMalformed.
func (f *Fleet) Outcome(ctx context.Context, task string) (Outcome, error) {
	id, err := codec.ParseID(task)
	if err != nil {
		return Outcome{}, err
	}
	stream, err := f.js.Stream(ctx, broker.ResultsStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return Outcome{}, fmt.Errorf("%w: %s", ErrNoOutcome, id)
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("fleet: opening stream %s: %w", broker.ResultsStream, err)
	}
	msg, err := stream.GetLastMsgForSubject(ctx, broker.ResultSubject(id.Client, id.N))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Outcome{}, fmt.Errorf("%w: %s", ErrNoOutcome, id)
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("fleet: reading the outcome of %s: %w", id, err)
	}
	var all codec.Outcomes
	if err := all.Decode(msg.Data); err != nil {
		return Outcome{}, fmt.Errorf("fleet: the outcome of %s does not read: %w", id, err)
	}
	for _, o := range all.List {
		if o.N != id.N {
			continue
		}
		kept := Outcome{At: msg.Time, Run: o.Run, Value: o.Value}
		if o.Failure != nil {
			cause := causeOf(o.Failure, id)
			kept.Cause = &cause
		}
		return kept, nil
	}
	return Outcome{}, fmt.Errorf("%w: %s", ErrNoOutcome, id)
}

// Scheduled reports whether a task waits for its time: it is delayed, or is to be
// retried. Its error wraps codec.ErrMalformed for an id that is none.
func (f *Fleet) Scheduled(ctx context.Context, task string) (bool, error) {
	id, err := codec.ParseID(task)
	if err != nil {
		return false, err
	}
	waiting, err := broker.Scheduled(ctx, f.js, broker.SchedAnywhere(id.Client, id.N))
	return waiting != nil, err
}
