package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// QueueInfo is how a queue stands.
type QueueInfo struct {
	Name   string
	Lanes  [len(Lanes)]LaneInfo // by [Lane]
	Oldest time.Time            // when the oldest message still there was stored; zero: there is none
	Bytes  uint64               // of the stream, unique keys included
}

// LaneInfo counts a lane's messages, each perhaps a whole batch of tasks.
type LaneInfo struct {
	Pending     uint64 // waiting to be delivered
	InFlight    int    // delivered and not acknowledged
	Redelivered int    // of these, delivered more than once
	Paused      bool
}

// Queues tells how every queue of the broker stands, by name.
func Queues(ctx context.Context, js jetstream.JetStream) ([]QueueInfo, error) {
	var queues []QueueInfo
	streams := js.ListStreams(ctx, jetstream.WithStreamListSubject(taskPrefix+">"))
	for stream := range streams.Info() { // must be read to its end
		if name, ok := strings.CutPrefix(stream.Config.Name, streamPrefix); ok {
			queues = append(queues, QueueInfo{Name: name, Bytes: stream.State.Bytes})
		}
	}
	if err := streams.Err(); err != nil {
		return nil, fmt.Errorf("listing queues: %w", err)
	}
	for i := range queues {
		if err := queues[i].look(ctx, js); err != nil {
			return nil, fmt.Errorf("looking at queue %s: %w", queues[i].Name, err)
		}
	}
	slices.SortFunc(queues, func(a, b QueueInfo) int { return strings.Compare(a.Name, b.Name) })
	return queues, nil
}

// look fills in what the list of streams does not tell.
func (q *QueueInfo) look(ctx context.Context, js jetstream.JetStream) error {
	for _, lane := range Lanes {
		consumer, err := js.Consumer(ctx, TaskStream(q.Name), WorkersConsumer(lane))
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			continue // whoever creates the queue has not come that far
		}
		if err != nil {
			return err
		}
		info := consumer.CachedInfo()
		q.Lanes[lane] = LaneInfo{
			Pending:     info.NumPending,
			InFlight:    info.NumAckPending,
			Redelivered: info.NumRedelivered,
			Paused:      info.Paused,
		}
	}
	for oldest, err := range storedMessages(ctx, js, TaskStream(q.Name), TaskWildcard(q.Name)) {
		if err != nil {
			return err
		}
		q.Oldest = oldest.Time
		break
	}
	return nil
}

// Pause stops the delivery of a queue's tasks until [Resume]. What has been
// delivered runs on, and tasks can still be submitted. It may be called again.
func Pause(ctx context.Context, js jetstream.JetStream, queue string) error {
	return pauseUntil(ctx, js, queue, time.Now().AddDate(100, 0, 0))
}

// Resume ends a pause; that there is none is no error.
func Resume(ctx context.Context, js jetstream.JetStream, queue string) error {
	return pauseUntil(ctx, js, queue, time.Time{})
}

// pauseUntil resumes if the time has passed.
func pauseUntil(ctx context.Context, js jetstream.JetStream, queue string, until time.Time) error {
	for _, lane := range Lanes {
		if _, err := js.PauseConsumer(ctx, TaskStream(queue), WorkersConsumer(lane), until); err != nil {
			return fmt.Errorf("pausing or resuming lane %s of queue %s: %w", lane, queue, err)
		}
	}
	return nil
}

// Walk calls fn for every task message that a queue stores now, in the order
// in which they were stored, with its sequence and subject, whether it has been
// delivered or not. It holds one message at a time and takes none away. It ends
// with fn's error, if it returns one.
func Walk(ctx context.Context, js jetstream.JetStream, queue string, fn func(seq uint64, subject string, data []byte) error) error {
	for msg, err := range storedMessages(ctx, js, TaskStream(queue), TaskWildcard(queue)) {
		if err == nil {
			err = fn(msg.Sequence, msg.Subject, msg.Data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Remove removes a message from a queue; that it is gone is no error. What a
// worker process has of it runs on.
func Remove(ctx context.Context, js jetstream.JetStream, queue string, seq uint64) error {
	stream, err := js.Stream(ctx, TaskStream(queue))
	if err != nil {
		return fmt.Errorf("removing a message of queue %s: %w", queue, err)
	}
	err = stream.DeleteMsg(ctx, seq)
	if err == nil {
		return nil
	}
	// The client library does not tell why.
	if _, missing := stream.GetMsg(ctx, seq); errors.Is(missing, jetstream.ErrMsgNotFound) {
		return nil
	}
	return fmt.Errorf("removing a message of queue %s: %w", queue, err)
}
