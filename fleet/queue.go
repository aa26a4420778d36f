package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/internal/broker"
)

// Queue is how a queue stands. The broker counts messages, and a message may be a
// whole batch of short tasks.
type Queue struct {
	Name      string    `json:"name"`
	Paused    bool      `json:"paused"`
	Waiting   uint64    `json:"waiting"`         // messages that have not been delivered
	InFlight  int       `json:"in_flight"`       // messages that a host has, or has given back
	Scheduled int       `json:"scheduled"`       // tasks that wait for their time: delayed, or to be retried
	Dead      int       `json:"dead"`            // dead letters
	Oldest    time.Time `json:"oldest,omitzero"` // when the oldest message still there was stored
	Bytes     uint64    `json:"bytes"`           // of the messages, on disk
	Lanes     []Lane    `json:"lanes"`           // the most urgent first
}

// Lane is how one priority of a queue stands.
type Lane struct {
	Name        string `json:"name"`
	Paused      bool   `json:"paused"`
	Waiting     uint64 `json:"waiting"`
	InFlight    int    `json:"in_flight"`
	Redelivered int    `json:"redelivered"` // of those in flight, delivered more than once
}

// Queues returns every queue that there is, by name.
func (f *Fleet) Queues(ctx context.Context) ([]Queue, error) {
	infos, err := broker.UnlessRefused(ctx, f.nc, func(ctx context.Context) ([]broker.QueueInfo, error) {
		return broker.Queues(ctx, f.js)
	})
	if err != nil {
		return nil, err
	}
	return f.describe(ctx, "", infos...)
}

// Queue returns one queue. Its error wraps [ErrNoQueue] or [ErrQueueName].
func (f *Fleet) Queue(ctx context.Context, name string) (Queue, error) {
	info, err := f.look(ctx, name)
	if err != nil {
		return Queue{}, err
	}
	queues, err := f.describe(ctx, name, info)
	if err != nil {
		return Queue{}, err
	}
	return queues[0], nil
}

// Pause stops the delivery of a queue's tasks until [Fleet.Resume], also over a
// restart of the broker. What runs goes on, and tasks can be submitted. A queue
// that is paused already stays so. Its error wraps [ErrNoQueue] or [ErrQueueName].
func (f *Fleet) Pause(ctx context.Context, queue string) error {
	return f.change(ctx, queue, broker.Pause)
}

// Resume ends a pause; that there is none is no error. Its error wraps
// [ErrNoQueue] or [ErrQueueName].
func (f *Fleet) Resume(ctx context.Context, queue string) error {
	return f.change(ctx, queue, broker.Resume)
}

func (f *Fleet) change(ctx context.Context, queue string, how func(context.Context, jetstream.JetStream, string) error) error {
	if _, err := f.look(ctx, queue); err != nil {
		return err
	}
	_, err := broker.UnlessRefused(ctx, f.nc, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, how(ctx, f.js, queue)
	})
	return err
}

// look makes sure that there is such a queue.
func (f *Fleet) look(ctx context.Context, queue string) (info broker.QueueInfo, err error) {
	if err = broker.ValidQueue(queue); err == nil {
		info, err = broker.UnlessRefused(ctx, f.nc, func(ctx context.Context) (broker.QueueInfo, error) {
			return broker.Queue(ctx, f.js, queue)
		})
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return info, fmt.Errorf("%w: %s", ErrNoQueue, queue)
	}
	if err != nil {
		return info, err
	}
	return info, nil
}

// describe adds what is elsewhere than in the queues. Its only queue may be named,
// which is quicker.
func (f *Fleet) describe(ctx context.Context, only string, infos ...broker.QueueInfo) ([]Queue, error) {
	scheduled, err := broker.CountScheduled(ctx, f.js, only)
	if err != nil {
		return nil, err
	}
	dead, err := broker.CountLetters(ctx, f.js, only)
	if err != nil {
		return nil, err
	}
	queues := make([]Queue, 0, len(infos))
	for _, info := range infos {
		q := Queue{
			Name: info.Name, Paused: true, Oldest: info.Oldest, Bytes: info.Bytes,
			Scheduled: scheduled[info.Name], Dead: dead[info.Name],
		}
		for i, lane := range info.Lanes {
			q.Waiting += lane.Pending
			q.InFlight += lane.InFlight
			q.Paused = q.Paused && lane.Paused
			q.Lanes = append(q.Lanes, Lane{
				Name: broker.Lane(i).String(), Paused: lane.Paused,
				Waiting: lane.Pending, InFlight: lane.InFlight, Redelivered: lane.Redelivered,
			})
		}
		queues = append(queues, q)
	}
	return queues, nil
}
