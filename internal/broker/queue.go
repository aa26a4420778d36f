package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
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
	Delivered   uint64 // sequence up to which every message has been delivered
	Pulls       int    // requests of workers that wait for messages
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
			return nil, err
		}
	}
	slices.SortFunc(queues, func(a, b QueueInfo) int { return strings.Compare(a.Name, b.Name) })
	return queues, nil
}

// QueueNames returns the names of all queues, in no order.
func QueueNames(ctx context.Context, js jetstream.JetStream) (all []string, err error) {
	streams := js.StreamNames(ctx, jetstream.WithStreamListSubject(taskPrefix+">"))
	for stream := range streams.Name() { // must be read to its end
		if name, ok := strings.CutPrefix(stream, streamPrefix); ok {
			all = append(all, name)
		}
	}
	if err := streams.Err(); err != nil {
		return nil, fmt.Errorf("listing queues: %w", err)
	}
	return all, nil
}

// Queue tells how one queue stands. If there is none the error wraps
// jetstream.ErrStreamNotFound.
func Queue(ctx context.Context, js jetstream.JetStream, name string) (QueueInfo, error) {
	stream, err := js.Stream(ctx, TaskStream(name))
	if err != nil {
		return QueueInfo{}, fmt.Errorf("looking at queue %s: %w", name, err)
	}
	q := QueueInfo{Name: name, Bytes: stream.CachedInfo().State.Bytes}
	return q, q.look(ctx, js)
}

// look fills in what the queue's stream does not tell.
func (q *QueueInfo) look(ctx context.Context, js jetstream.JetStream) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("looking at queue %s: %w", q.Name, err)
		}
	}()
	for _, lane := range Lanes {
		if q.Lanes[lane], err = LookAtLane(ctx, js, q.Name, lane); err != nil {
			return err
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

// LookAtLane tells how a lane of a queue stands: as an empty one while whoever
// creates the queue has not come that far.
func LookAtLane(ctx context.Context, js jetstream.JetStream, queue string, lane Lane) (LaneInfo, error) {
	consumer, err := js.Consumer(ctx, TaskStream(queue), WorkersConsumer(lane))
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return LaneInfo{}, nil
	}
	if err != nil {
		return LaneInfo{}, err
	}
	info := consumer.CachedInfo()
	return LaneInfo{
		Pending:     info.NumPending,
		InFlight:    info.NumAckPending,
		Redelivered: info.NumRedelivered,
		Delivered:   info.Delivered.Stream,
		Pulls:       info.NumWaiting,
		Paused:      info.Paused,
	}, nil
}

// Pause stops the delivery of a queue's tasks until [Resume]. What has been
// delivered runs on, and tasks can still be submitted. It may be called again.
func Pause(ctx context.Context, js jetstream.JetStream, queue string) error {
	return pauseUntil(ctx, js, queue, time.Now().AddDate(100, 0, 0))
}

// Resume ends a pause; that there is none is no error.
func Resume(ctx context.Context, js jetstream.JetStream, queue string) error {
	if err := pauseUntil(ctx, js, queue, time.Time{}); err != nil {
		return err
	}
	for _, lane := range Lanes {
		if err := nudge(js.Conn(), queue, lane); err != nil {
			return fmt.Errorf("resuming lane %s of queue %s: %w", lane, queue, err)
		}
	}
	return nil
}

// nudge has the server look at the pulls that wait at a lane. It does so by
// itself when a pause runs out, but for some seconds not when one is ended. What
// nudges it is a pull that has expired when the server looks at it, and so gets
// nothing.
func nudge(nc *nats.Conn, queue string, lane Lane) error {
	subject := "$JS.API.CONSUMER.MSG.NEXT." + TaskStream(queue) + "." + WorkersConsumer(lane)
	return nc.PublishRequest(subject, nc.NewInbox(), []byte(`{"batch":1,"expires":1}`))
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

// pauseAdvisory is what the server says when it pauses or resumes a consumer.
type pauseAdvisory struct {
	Until time.Time `json:"pause_until"`
}

// FollowPauses has changed called when the delivery of a queue's lane is paused, or
// resumed: with when the pause ends, a time that has passed once it is over.
func FollowPauses(nc *nats.Conn, queue string, changed func(lane Lane, until time.Time)) error {
	for _, lane := range Lanes {
		subject := "$JS.EVENT.ADVISORY.CONSUMER.PAUSE." + TaskStream(queue) + "." + WorkersConsumer(lane)
		_, err := nc.Subscribe(subject, func(msg *nats.Msg) {
			var a pauseAdvisory
			if json.Unmarshal(msg.Data, &a) == nil {
				changed(lane, a.Until)
			}
		})
		if err != nil {
			return fmt.Errorf("following pauses of queue %s: %w", queue, err)
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
	if err := removeMessage(ctx, js, TaskStream(queue), seq); err != nil {
		return fmt.Errorf("removing a message of queue %s: %w", queue, err)
	}
	return nil
}
