package consumer

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// splitAfter is how long a task runs until the tasks behind it in its batch are
// given back: the client took them all for short ones, wrongly, and they would
// wait while other processes are idle. A process that was not scheduled for a
// while is no reason yet. The rest of a batch waits as long for more urgent ones.
const splitAfter = 25 * time.Millisecond

// split gives back what waits in a batch: as a message of its own, since a delivery
// can only be given back whole.
func (w *Worker) split(d *delivery) {
	select {
	case w.outbox.room <- struct{}{}: // whoever leaves waits for this too
	default:
		return
	}
	rest := d.cut()
	if rest == nil {
		<-w.outbox.room
		return
	}
	msg := nats.NewMsg(d.subject)
	msg.Header.Set(nats.MsgIdHdr, broker.MessageID("split", d.ack, rest))
	msg.Data = rest
	w.publisher.Publish(msg, func(_ uint64, err error) {
		d.parted(err)
		<-w.outbox.room
	})
}

// hasMore reports whether there is a task to run next.
func (d *delivery) hasMore() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.next < d.end && !d.failed
}

// beginNext reports whether there is a task to run next, which then cannot be
// given back any more.
func (d *delivery) beginNext() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.next >= d.end || d.failed {
		d.park()
		return false
	}
	d.begun = d.next + 1
	return true
}

// cut takes away the tasks that have not begun, and gives them as a batch; nil
// if there are none.
func (d *delivery) cut() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away || d.failed || d.begun == 0 || d.begun >= d.end {
		return nil
	}
	rest := d.newBatch()
	for i := d.begun; i < d.end; i++ {
		rest.Add(&d.batch.Tasks[i])
	}
	d.end, d.away = d.begun, true
	return rest.Bytes()
}

// newBatch begins a batch for tasks of the delivery that are stored again.
func (d *delivery) newBatch() *codec.BatchBuilder {
	if d.batch.Chunk {
		return codec.NewChunk(d.batch.Client, nil)
	}
	return codec.NewBatch(d.batch.Client, nil)
}

// parted notes that what was cut is in the queue, or cannot be.
func (d *delivery) parted(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed {
		return
	}
	d.away = false
	switch {
	case errors.Is(err, broker.ErrClosed):
		d.away = true // the process is ending: the supervisor reads the board
	case err == nil:
		d.slot.Truncate(d.end)
		d.settle()
	case d.parked:
		d.worker.Logger.Error("the rest of a batch could not be given back; all of it will run again", "error", err)
		d.fail()
	default:
		d.end = len(d.batch.Tasks)
	}
}
