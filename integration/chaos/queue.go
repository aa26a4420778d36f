package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// emptyPatience is how soon the queue must be empty when every future is done:
// what was delivered to somebody who is gone comes again when its lease ends, and
// runs once more.
const emptyPatience = 30 * time.Second

// noteQueue notes the tasks that stay in their queue though all futures are done.
// The fleet still runs.
func (f *fleet) noteQueue(ctx context.Context) error {
	nc, err := broker.Connect(ctx, broker.Config{URL: "nats://" + f.address})
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, emptyPatience)
	defer cancel()
	stays := uint64(0)
	for ctx.Err() == nil {
		stream, err := js.Stream(ctx, broker.TaskStream(producer.DefaultQueue))
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				break
			}
			return fmt.Errorf("looking into the queue: %w", err)
		}
		if stays = stream.CachedInfo().State.Msgs; stays == 0 {
			return nil
		}
		pause(ctx, 20*time.Millisecond)
	}
	f.history.add(record{Event: left, Note: fmt.Sprintf("%d messages are in the queue, though all futures are done", stays)})
	return nil
}
