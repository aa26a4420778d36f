package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/internal/broker"
)

// Shares of a limit, in percent.
const (
	nearLimit = 80
	atLimit   = 99
)

const moreRoom = "raise the limit (max_file_store in the jetstream block, or that of the account), or make room: muster queue purge cancels the tasks of a queue that wait, muster dead rm removes dead letters; muster dead retry needs room first"

// storage checks whether there is room: by the account's limits, the streams' own,
// and by having the server store a few bytes.
func (e *examination) storage(ctx context.Context) {
	e.ask(ctx, CheckStorage, "account", func(ctx context.Context) error {
		account, err := e.js.AccountInfo(ctx)
		if err != nil {
			return err
		}
		e.room("account", "disk", account.Store, account.Limits.MaxStore)
		for name, tier := range account.Tiers {
			e.room("account", "disk of "+name, tier.Store, tier.Limits.MaxStore)
		}
		e.room("account", "streams", uint64(account.Streams), int64(account.Limits.MaxStreams))
		e.room("account", "consumers", uint64(account.Consumers), int64(account.Limits.MaxConsumers))
		return nil
	})
	for _, q := range e.queues {
		name := broker.TaskStream(q.Name)
		e.ask(ctx, CheckStorage, name, func(ctx context.Context) error {
			stream, err := e.js.Stream(ctx, name)
			if err != nil {
				return err
			}
			config, state := stream.CachedInfo().Config, stream.CachedInfo().State
			if config.Discard == jetstream.DiscardNew {
				e.room(name, "max_bytes", state.Bytes, config.MaxBytes)
				e.room(name, "max_msgs", state.Msgs, config.MaxMsgs)
			}
			return nil
		})
		e.stores(ctx, q.Name)
	}
}

// room judges what is used of a limit; none is 0 or less.
func (e *examination) room(about, what string, used uint64, limit int64) {
	if limit <= 0 {
		return
	}
	percent := 100 * float64(used) / float64(limit)
	saw := fmt.Sprintf("%s: %d of %d used, %.0f %%", what, used, limit, percent)
	switch {
	case percent >= atLimit:
		e.problem(CheckStorage, about, "full: "+saw, moreRoom)
	case percent >= nearLimit:
		e.warn(CheckStorage, about, "nearly full: "+saw, moreRoom)
	default:
		e.ok(CheckStorage, about, "%s", saw)
	}
}

// stores checks that the server really stores: its limits are not told to clients, nor
// that its disk is full, or that its directory is gone or read-only.
func (e *examination) stores(ctx context.Context, name string) {
	err := e.try(ctx, "muster.key.", func(ctx context.Context) error { return broker.Probe(ctx, e.js, name) })
	about := broker.TaskStream(name)
	subject, refused := broker.RefusedSubject(err)
	switch {
	case refused:
		e.ok(CheckStorage, about, "not checked whether the server stores: this user may not use %s", subject)
	case errors.Is(err, broker.ErrStreamFull):
		e.problem(CheckStorage, about, "full: the server takes no more tasks: "+reason(err), moreRoom)
	case errors.Is(err, context.DeadlineExceeded):
		e.problem(CheckStorage, about, fmt.Sprintf("the server does not store: it did not acknowledge a few bytes within %v", askTimeout),
			"see the broker's log: is its disk full, or its store directory gone or read-only? Then free it or put it back, and restart the broker")
	case err != nil:
		e.problem(CheckStorage, about, "the server does not store: "+reason(err), "see the broker's log")
	default:
		e.ok(CheckStorage, about, "the server stored a few bytes, and removed them")
	}
}

// reason returns what the server said, without what the client library adds.
func reason(err error) string {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return fmt.Sprintf("%s (%d)", api.Description, api.ErrorCode)
	}
	return oneLine(err)
}
