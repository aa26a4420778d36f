package handoff

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// maxBackoff bounds how long a task waits between two attempts: producer.Backoff
// promises it.
const maxBackoff = 10 * time.Minute

// Backoff returns how long a task waits after its latest error, counted in it:
// the task's own first wait, doubled with each further error, and then between
// half and all of that, so that what failed together is not tried together. The
// shape is the "equal jitter" of Exponential Backoff And Jitter (AWS, 2015).
func Backoff(t *codec.Task) time.Duration {
	wait := t.Backoff
	if wait <= 0 {
		wait = codec.DefaultBackoff
	}
	for range t.Errors - 1 {
		if wait *= 2; wait >= maxBackoff {
			break
		}
	}
	wait = min(wait, maxBackoff)
	return wait/2 + rand.N(wait/2+1)
}

// Retry stores a task to be delivered again at a time, in the lane it came by.
// It calls done once, from another goroutine. Storing it twice is storing it once.
func (d *Desk) Retry(queue string, lane broker.Lane, client string, t *codec.Task, at time.Time, done func(error)) {
	batch := codec.NewBatch(client, nil)
	batch.Add(t)
	msg := nats.NewMsg(broker.SchedSubject(queue, lane, client, t.N))
	broker.ScheduleAt(msg, queue, lane, at)
	msg.Data = batch.Bytes()
	d.publisher.Publish(msg, func(_ uint64, err error) {
		if err != nil {
			err = fmt.Errorf("handoff: scheduling the next attempt: %w", err)
		}
		done(err)
	})
}
