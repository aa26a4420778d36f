package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
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
// and by asking the server whether it would take a task.
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
		e.wouldTake(ctx, q.Name)
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

// wouldTake asks whether the server would store a task, by way of a message that it
// only traces: the limit of the server itself is not told to clients. A server that
// is too old might store the message.
func (e *examination) wouldTake(ctx context.Context, name string) {
	if e.old {
		return
	}
	var refusal string
	err := e.try(ctx, "muster.task.", func(ctx context.Context) (err error) {
		refusal, err = e.trace(ctx, broker.TaskSubject(name, broker.Normal))
		return err
	})
	switch about := broker.TaskStream(name); {
	case err != nil:
		e.ok(CheckStorage, about, "not tried: %s", oneLine(err))
	case strings.Contains(refusal, "insufficient resources"):
		e.problem(CheckStorage, about, "full: the server takes no more tasks: "+refusal, moreRoom)
	case refusal != "":
		e.problem(CheckStorage, about, "the server takes no more tasks: "+refusal, "see the broker's log")
	default:
		e.ok(CheckStorage, about, "the server would take another task")
	}
}

// trace gives why JetStream would not store a message.
func (e *examination) trace(ctx context.Context, subject string) (refusal string, err error) {
	told := e.nc.NewInbox()
	sub, err := e.nc.SubscribeSync(told)
	if err != nil {
		return "", err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only when the connection is closed, which ended it
	msg := nats.NewMsg(subject)
	msg.Header.Set("Nats-Trace-Dest", told)
	msg.Header.Set("Nats-Trace-Only", "true")
	if err := e.nc.PublishMsg(msg); err != nil {
		return "", err
	}
	event, err := sub.NextMsgWithContext(ctx)
	if err != nil {
		return "", err
	}
	var trace struct {
		Events []struct {
			Type  string `json:"type"`
			Error string `json:"error"`
		} `json:"events"`
	}
	if err := json.Unmarshal(event.Data, &trace); err != nil {
		return "", err
	}
	for _, event := range trace.Events {
		if event.Error != "" {
			return event.Error, nil
		}
	}
	return "", nil
}
