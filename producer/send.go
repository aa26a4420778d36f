package producer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/transport"
)

// fullPause is how long a task with a key waits, about, until it is published
// again to a queue that is full.
const fullPause = 200 * time.Millisecond

// Send publishes a batch under an id of its own, so that it is stored once
// however often it must be sent.
func (r *remote) Send(b transport.Batch, stored func(error)) {
	msg := r.message(b)
	done := func(_ uint64, err error) { stored(asOurs(err)) }
	if !b.At.IsZero() {
		msg.Subject = broker.SchedSubject(b.Queue, broker.Lane(b.Lane), b.ID.Client, b.ID.N)
		broker.ScheduleAt(msg, b.Queue, broker.Lane(b.Lane), b.At)
	}
	if r.full == WaitForRoom {
		r.publisher.PublishPatiently(msg, done)
	} else {
		r.publisher.Publish(msg, done)
	}
}

// SendUnique publishes a task together with its key.
func (r *remote) SendUnique(ctx context.Context, b transport.Batch) (transport.KeyHolder, error) {
	msg := r.message(b)
	for {
		holder, err := broker.PublishUnique(ctx, r.nc, b.Queue, b.Key, broker.KeyHolder{ID: b.ID.String(), Func: b.Func}, msg)
		switch {
		case err == nil && holder.ID == "":
			return transport.KeyHolder{ID: b.ID, Func: b.Func}, nil
		case err == nil:
			id, err := codec.ParseID(holder.ID)
			if err != nil {
				return transport.KeyHolder{}, fmt.Errorf("reading which task holds the key: %w", err)
			}
			return transport.KeyHolder{ID: id, Func: holder.Func}, nil
		case r.full != WaitForRoom || !errors.Is(err, broker.ErrStreamFull):
			return transport.KeyHolder{}, asOurs(err)
		}
		select {
		case <-ctx.Done():
			return transport.KeyHolder{}, asOurs(err)
		case <-time.After(fullPause/2 + rand.N(fullPause)):
		}
	}
}

func (r *remote) message(b transport.Batch) *nats.Msg {
	return &nats.Msg{
		Subject: broker.TaskSubject(b.Queue, broker.Lane(b.Lane)),
		Header:  nats.Header{nats.MsgIdHdr: {r.client + "." + strconv.FormatUint(r.messages.Add(1), 10)}},
		Data:    b.Data,
	}
}

// asOurs returns an error of the broker's in terms of this package.
func asOurs(err error) error {
	switch {
	case errors.Is(err, broker.ErrClosed):
		return ErrClosed
	case errors.Is(err, broker.ErrStreamFull):
		return fmt.Errorf("%w: %w", ErrQueueFull, err)
	}
	return err
}

// Release removes a key that a task holds.
func (r *remote) Release(ctx context.Context, queue, key string, id codec.ID) error {
	return broker.ReleaseKey(ctx, r.js, queue, key, id.String())
}

// Scheduled returns the batch of a delayed task, whatever its queue and lane.
func (r *remote) Scheduled(ctx context.Context, id codec.ID) ([]byte, error) {
	batch, err := broker.Scheduled(ctx, r.js, broker.SchedAnywhere(id.Client, id.N))
	if errors.Is(err, broker.ErrPermission) {
		r.logger.Warn("if the task is delayed, it may run all the same", "task", id.String(), "error", err)
		return nil, nil
	}
	return batch, err
}

// Unschedule removes a delayed task, whatever its queue and lane.
func (r *remote) Unschedule(ctx context.Context, id codec.ID) error {
	return broker.Unschedule(ctx, r.js, broker.SchedAnywhere(id.Client, id.N))
}

// Local returns the pool's host, if the client is a pool's.
func (r *remote) Local() transport.LocalHost { return r.host }

// Cancel publishes a request to the queue's workers, or to all.
func (r *remote) Cancel(queue string, request []byte) error {
	if queue == "" {
		return r.nc.Publish(broker.CancelAnySubject, request)
	}
	return r.nc.Publish(broker.CancelSubject(queue), request)
}

// AskCancel publishes a request to all hosts, and waits until the broker has stored
// it. It names the client, so that hosts tell it which of the tasks run. Its error wraps
// errUnused if nobody has used Muster on the server.
func (r *remote) AskCancel(ctx context.Context, request []byte) error {
	msg := nats.NewMsg(broker.CancelAnySubject)
	msg.Header.Set(broker.AskerHeader, r.client)
	msg.Data = request
	_, err := broker.UnlessRefusedOn(ctx, r.nc, broker.CancelAnySubject, func(ctx context.Context) (*jetstream.PubAck, error) {
		return r.js.PublishMsg(ctx, msg)
	})
	if errors.Is(err, jetstream.ErrNoStreamResponse) { // maybe for a moment
		if _, missing := r.js.Stream(ctx, broker.CancelStream); errors.Is(missing, jetstream.ErrStreamNotFound) {
			return errUnused
		}
	}
	return err
}

// errUnused says that there can be nothing to cancel.
var errUnused = errors.New("there are no Muster queues on this server")
