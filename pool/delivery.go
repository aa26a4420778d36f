package pool

import (
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
)

// delivery is a batch that this host has, from its arrival until it is acknowledged or
// given back: one that the broker has delivered, or that a client has handed over. What
// changes is under scheduler.mu.
//
// Each of its tasks is in one place: it waits in a lane, it is in a run at a process,
// or what it has come to is on its way into safe hands.
type delivery struct {
	ack      string // subject of the answer; empty for one that was handed over
	subject  string // that it was published to
	info     broker.AckInfo
	offers   uint64 // how often its tasks were offered to other hosts, in messages before this one
	lane     laneID
	batch    *codec.TaskList
	bytes    int // of the message
	received time.Time

	left    int     // tasks whose outcomes are not in safe hands
	waiting int     // of them, tasks that wait in the lane
	running int     // of them, tasks in runs
	failed  bool    // an outcome could be neither handed off nor stored
	gone    bool    // it is acknowledged or given back
	limited bool    // a task has a limit
	outbox  *outbox // where the latest of its outcomes went
	took    time.Duration
}

// deliveryKey names a message of the queue, or a batch that was handed over. A stream
// that was made anew counts from 1 again.
type deliveryKey struct {
	direct bool
	queue  int
	seq    uint64
	stored int64
}

func (d *delivery) key() deliveryKey {
	return deliveryKey{d.isDirect(), d.lane.queue(), d.info.StreamSeq, d.info.Stored.UnixNano()}
}

// isDirect reports whether the broker does not have the delivery.
func (d *delivery) isDirect() bool { return d.ack == "" }

// batches are for those of deliveries: a batch has up to a thousand tasks, and a host
// many batches a second.
var batches = sync.Pool{New: func() any { return &codec.TaskList{} }}

const (
	// maxTaskSpace bounds the tasks for which space is kept, by their number.
	maxTaskSpace = 4096
	// smallMessage is the length in bytes up to which a message may stay in memory
	// with the space of its tasks.
	smallMessage = 64 << 10
)

// decode reads the delivery's batch.
func (d *delivery) decode(data []byte) error {
	d.batch, d.bytes = batches.Get().(*codec.TaskList), len(data)
	if err := d.batch.Decode(data); err != nil {
		return err
	}
	d.batch.Number(d.info.StreamSeq)
	d.left = d.batch.Len()
	for i := range d.left {
		if t := d.batch.Options(i); t != nil {
			d.limited = d.limited || t.Limit > 0
		}
	}
	return nil
}

// release frees the delivery's space. Nobody looks at its tasks any more.
func (d *delivery) release() {
	if d.batch.Len() <= maxTaskSpace && d.bytes <= smallMessage {
		batches.Put(d.batch)
	}
	d.batch = nil
}

// newBatch begins a batch for tasks of the delivery that are stored again.
func (d *delivery) newBatch() *codec.BatchBuilder {
	if d.batch.Chunk {
		return codec.NewChunk(d.batch.Client, nil)
	}
	return codec.NewBatch(d.batch.Client, nil)
}

// addTask adds a task of the delivery to a batch, as it is now.
func (d *delivery) addTask(to *codec.BatchBuilder, i int) {
	if t := d.batch.Options(i); t != nil {
		to.Add(t)
	} else {
		to.AddEncoded(d.batch.Encoded(i, i+1), 1)
	}
}

// Answers to a delivery.
const (
	ackDone  = "+ACK"
	ackTerm  = "+TERM"
	ackAgain = "-NAK"
	ackLater = `-NAK {"delay":5000000000}`
)

// handedOff notes that n of a delivery's tasks are in safe hands, or cannot be. With
// the last one the delivery is acknowledged.
func (s *scheduler) handedOff(t *turn, d *delivery, n int, err error) {
	switch {
	case d.gone:
	case errors.Is(err, handoff.ErrClosed), errors.Is(err, broker.ErrClosed):
		// The host ends, and the delivery comes again when its lease has.
	case err != nil:
		if d.failed {
			return
		}
		s.logger.Error("outcomes could be neither handed off nor stored; their tasks will run again", "error", err)
		s.removeWaiting(d) // it comes again as a whole
		d.failed = true
		s.failed = append(s.failed, d)
		for _, w := range s.workers {
			for i := len(w.runs) - 1; i >= 0; i-- {
				if w.runs[i].d == d {
					s.takeBack(w, w.runs[i], 0)
				}
			}
		}
	default:
		if d.left -= n; d.left == 0 && !d.failed {
			s.observeDelivery(d)
			s.forget(t, d, ackDone)
		}
	}
}

// giveBackFailed gives back the deliveries that have failed and of which nothing runs.
func (s *scheduler) giveBackFailed(t *turn) {
	left := s.failed[:0]
	for _, d := range s.failed {
		switch {
		case d.gone:
		case d.running == 0:
			s.forget(t, d, ackLater)
		default:
			left = append(left, d)
		}
	}
	s.failed = left
}

// forget answers a delivery, which is not this host's any more.
func (s *scheduler) forget(t *turn, d *delivery, answer string) {
	d.gone = true
	delete(s.deliveries, d.key())
	switch ack := d.ack; {
	case !d.isDirect():
		t.later(func() { s.answer(ack, answer) })
	case answer != ackDone:
		s.storeWhole(t, d)
	}
	if d.running == 0 && d.left == 0 {
		d.release()
	}
}

// removeWaiting takes a delivery's tasks out of its lane.
func (s *scheduler) removeWaiting(d *delivery) (all []span) {
	l := s.lanes[d.lane]
	kept := l.spans[:0]
	for _, sp := range l.spans {
		if sp.d == d {
			all = append(all, sp)
		} else {
			kept = append(kept, sp)
		}
	}
	clear(l.spans[len(kept):])
	l.spans = kept
	l.waiting -= d.waiting
	d.waiting = 0
	return all
}

// giveBack returns what waits of a delivery to the queue, for another host. A delivery
// of which nothing has begun goes back as it is; of another the rest is stored again as
// a message of its own, since a delivery can only go back whole.
func (s *scheduler) giveBack(t *turn, d *delivery) {
	whole := !d.gone && !d.isDirect() && d.waiting == d.batch.Len()
	all := s.removeWaiting(d)
	switch {
	case d.gone || len(all) == 0:
		return
	case whole:
		if s.mayYield(d.lane) {
			s.lanes[d.lane].puller.expectMore()
		}
		s.forget(t, d, ackAgain)
		return
	}
	rest := d.newBatch()
	for _, sp := range all {
		for i := sp.from; i < sp.to; i++ {
			d.addTask(rest, i)
		}
	}
	n := rest.Len()
	s.store(t, d, "split", rest.Bytes(), d.subject, func(t *turn, err error) {
		if err == nil || d.gone || s.stopping {
			s.handedOff(t, d, n, err)
			return
		}
		s.logger.Warn("the rest of a batch stays, since it could not be given back", "error", err)
		for i := len(all) - 1; i >= 0; i-- {
			all[i].since = t.now
			s.wait(all[i], true)
		}
	})
}

// store publishes tasks of a delivery again. done is called in a turn when they are
// stored, or cannot be, to note whether they are in safe hands.
func (s *scheduler) store(t *turn, d *delivery, why string, data []byte, subject string, done func(*turn, error)) {
	msg := nats.NewMsg(subject)
	msg.Header.Set(nats.MsgIdHdr, broker.MessageID(why, d.ack, data))
	msg.Data = data
	s.publish(t, msg, done)
}

// publish publishes a message of tasks. done is called in a turn.
func (s *scheduler) publish(t *turn, msg *nats.Msg, done func(*turn, error)) {
	s.storing++
	t.later(func() {
		// A full queue has room once the delivery is acknowledged that the tasks are of,
		// or another.
		s.publisher.PublishPatiently(msg, func(_ uint64, err error) {
			s.do(func(t *turn) {
				s.storing--
				done(t, err)
			})
		})
	})
}
