package doctor

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/internal/broker"
)

// jetstream checks that there is JetStream, and reports whether it can be asked more.
func (e *examination) jetstream(ctx context.Context) bool {
	err := e.try(ctx, "$JS.", func(ctx context.Context) (err error) {
		e.js, err = broker.CheckJetStream(ctx, e.nc)
		return err
	})
	if subject, refused := broker.RefusedSubject(err); refused {
		e.problem(CheckPermission, "", "this user may not publish to "+subject, "allow the subject in the broker's configuration")
		return false
	}
	if err != nil {
		e.problem(CheckJetStream, "", err.Error(), "start nats-server with -js, or use muster serve; in a configuration with accounts, write jetstream: enabled in this one's")
		return false
	}
	e.ok(CheckJetStream, "", "JetStream is there; whether a power cut can lose what it acknowledged is up to the broker's sync_interval, by default two minutes (docs/operations.md)")
	return e.findQueues(ctx)
}

// findQueues looks up the queues to look at.
func (e *examination) findQueues(ctx context.Context) bool {
	var infos []broker.QueueInfo
	found := e.ask(ctx, CheckWorkers, e.Queue, func(ctx context.Context) (err error) {
		if e.Queue == "" {
			infos, err = broker.Queues(ctx, e.js)
			return err
		}
		info, err := broker.Queue(ctx, e.js, e.Queue)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil
		}
		infos = []broker.QueueInfo{info}
		return err
	})
	if !found {
		return true
	}
	letters := map[string]int{}
	e.ask(ctx, CheckDeadLetters, "", func(ctx context.Context) (err error) {
		letters, err = broker.CountLetters(ctx, e.js, e.Queue)
		return err
	})
	for _, info := range infos {
		e.queues = append(e.queues, queue{info, letters[info.Name]})
	}
	switch {
	case len(infos) > 0:
	case e.Queue != "":
		e.problem(CheckWorkers, e.Queue, "there is no such queue", "start a worker host, which makes it: muster worker --queue "+e.Queue)
	default:
		e.warn(CheckWorkers, "", "there is no queue", "start a worker host, which makes one: muster worker")
	}
	return true
}
