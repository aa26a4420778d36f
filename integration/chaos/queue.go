package chaos

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// emptyTimeout is how soon the queue must be empty when every future is done:
// what was delivered to somebody who is gone comes again when its lease ends, and
// runs once more.
const emptyTimeout = 30 * time.Second

// noteBroker notes what the broker has in the end, with every future done: the
// messages that stay in the queue, tasks and keys, or in the schedules; and the
// dead letters. The fleet still runs.
func (f *fleet) noteBroker(ctx context.Context) error {
	nc, err := broker.Connect(ctx, broker.Config{URL: "nats://" + f.address})
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, emptyTimeout)
	defer cancel()
	if err := f.noteLetters(ctx, js); err != nil {
		return err
	}
	stays := map[string]uint64{}
	for ctx.Err() == nil {
		clear(stays)
		for _, name := range []string{broker.TaskStream(producer.DefaultQueue), broker.ScheduleStream} {
			stream, err := js.Stream(ctx, name)
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("looking into the queue: %w", err)
			}
			if err == nil && stream.CachedInfo().State.Msgs > 0 {
				stays[name] = stream.CachedInfo().State.Msgs
			}
		}
		if len(stays) == 0 && ctx.Err() == nil {
			return nil
		}
		pause(ctx, 20*time.Millisecond)
	}
	if ghosts, err := f.ghosts(js); err == nil && len(stays) == 1 && stays[broker.TaskStream(producer.DefaultQueue)] == ghosts {
		fmt.Printf("%d messages stay that the broker had removed before it was killed; nobody is given them again\n", ghosts)
		return nil
	}
	f.history.add(record{Event: left, Note: fmt.Sprintf("messages stay though all futures are done: %v", stays)})
	return nil
}

// ghosts returns how many messages of the queue's stream no consumer will deliver.
// A nats-server that is killed may lose the notes of what it has removed (2.15.2,
// rarely): the messages are there again, below what was acknowledged. They take
// room, and no task runs again for them.
func (f *fleet) ghosts(js jetstream.JetStream) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), emptyTimeout)
	defer cancel()
	queue, err := broker.Queue(ctx, js, producer.DefaultQueue)
	if err != nil {
		return 0, err
	}
	stream, err := js.Stream(ctx, broker.TaskStream(producer.DefaultQueue))
	if err != nil {
		return 0, err
	}
	keys, err := stream.Info(ctx, jetstream.WithSubjectFilter(broker.KeyWildcard(producer.DefaultQueue)))
	if err != nil {
		return 0, err
	}
	live := uint64(len(keys.State.Subjects))
	for _, lane := range queue.Lanes {
		live += lane.Pending + uint64(lane.InFlight)
	}
	return stream.CachedInfo().State.Msgs - live, nil
}

// noteLetters notes the tasks that are kept as dead letters.
func (f *fleet) noteLetters(ctx context.Context, js jetstream.JetStream) error {
	stream, err := js.Stream(ctx, broker.DeadStream)
	if err != nil {
		return fmt.Errorf("looking into the dead letters: %w", err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(broker.DeadWildcard(producer.DefaultQueue)))
	if err != nil {
		return fmt.Errorf("looking into the dead letters: %w", err)
	}
	for subject := range info.State.Subjects {
		token := strings.Split(subject, ".")
		client, number := token[len(token)-2], token[len(token)-1]
		f.history.add(record{Event: kept, Task: client + "-" + number})
	}
	return nil
}
