package consumer

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// A queue's hosts may have different funcs, at least while a new version is rolled
// out. A task of a func that has no handler here goes back to the queue while another
// host has one. The broker cannot tell hosts apart, so the task may come to any of the
// processes that pull, this one included: it is offered to as many as there are at
// once, and then again after a pause, since those that could run it may be busy.
const (
	firstAwayPause = 100 * time.Millisecond
	maxAwayPause   = 5 * time.Second
	// maxAwayRounds is how often all processes are offered a task, which takes about
	// an hour. Then it fails here.
	maxAwayRounds = 720
	// maxAwayRound bounds the deliveries of one round.
	maxAwayRound = 1000
	// maxOffers is how often a message is offered until its tasks are stored again as
	// a new one: a worker of another implementation may take many deliveries for the
	// deaths of those that had it before.
	maxOffers = 8
	// offersHeader of such a message says how often its tasks were offered before.
	offersHeader = "Muster-Offers"
	// awayInterval is the time for each delivery that a process puts back like this,
	// so that a flood of them does not keep it from its work.
	awayInterval = 2 * time.Millisecond
)

// awayPause returns for how long a task is held back that has been delivered so often,
// while the queue's hosts have so many processes, and whether to give it back at all.
func awayPause(delivered uint64, processes int) (pause time.Duration, again bool) {
	round := uint64(min(processes, maxAwayRound))
	rounds := delivered / round
	switch {
	case rounds > maxAwayRounds:
		return 0, false
	case delivered%round != 0:
		return 0, true
	}
	return min(firstAwayPause<<min(rounds-1, 16), maxAwayPause), true
}

// elsewhere reports whether a task of the current delivery is for another host, since
// that has a handler for its func and this process has none, and for how long it is
// to be held back if it is given back.
func (e *executor) elsewhere(t *codec.Task) (pause time.Duration, ok bool) {
	if e.Elsewhere == nil {
		return 0, false
	}
	info, err := broker.ParseAck(e.current.ack)
	if err != nil {
		return 0, false
	}
	processes := e.Elsewhere(t.Func)
	if processes <= 0 {
		return 0, false
	}
	return awayPause(e.current.offers+info.Delivered, processes)
}

// putBack puts the current delivery back if nothing of it can be run here and its
// first task can elsewhere, and reports whether it did.
func (e *executor) putBack(d *delivery) bool {
	if d.next > 0 || len(d.batch.Tasks) == 0 {
		return false
	}
	for i := range d.batch.Tasks {
		if e.known.find(e.functions, d.batch.Tasks[i].Func) != nil {
			return false
		}
	}
	first := &d.batch.Tasks[0]
	if e.lapsed(first) != nil {
		return false // no host needs to see it
	}
	pause, ok := e.elsewhere(first)
	if !ok {
		return false
	}
	now := time.Now()
	pause = max(pause, min(e.nextAway.Sub(now), maxAwayPause))
	e.nextAway = now.Add(max(e.nextAway.Sub(now), 0) + awayInterval)
	e.Logger.Debug("a task of a func without a handler here goes to another host", "func", first.Func, "pause", pause)
	if info, _ := broker.ParseAck(d.ack); info.Delivered >= maxOffers {
		e.offerAnew(d, info)
		return true
	}
	if pause > 0 {
		e.answer(d.ack, fmt.Sprintf(`-NAK {"delay":%d}`, pause.Nanoseconds()))
	} else {
		e.answer(d.ack, ackAgain)
	}
	d.release()
	return true
}

// offerAnew stores the current delivery again as a message of its own, whose deliveries
// count from the first, and which says how often it was offered before.
func (e *executor) offerAnew(d *delivery, info broker.AckInfo) {
	whole := d.newBatch()
	for i := range d.batch.Tasks {
		whole.Add(&d.batch.Tasks[i])
	}
	msg := nats.NewMsg(d.subject)
	msg.Data = whole.Bytes()
	// The same for each delivery of the message, so that it is stored once.
	msg.Header.Set(nats.MsgIdHdr, broker.MessageID("elsewhere", strconv.FormatUint(info.StreamSeq, 10), msg.Data))
	msg.Header[offersHeader] = []string{strconv.FormatUint(d.offers+info.Delivered, 10)}
	e.outbox.room <- struct{}{} // a process that leaves waits for this too
	e.publisher.PublishPatiently(msg, func(_ uint64, err error) {
		defer func() { <-e.outbox.room }()
		d.mu.Lock()
		defer d.mu.Unlock()
		switch {
		case errors.Is(err, broker.ErrClosed):
			return // the process is ending: the supervisor reads the board
		case err == nil:
			e.answer(d.ack, ackDone)
		default:
			e.answer(d.ack, ackLater)
		}
		d.release()
	})
}

func readOffers(header []string) uint64 {
	if len(header) == 0 {
		return 0
	}
	n, err := strconv.ParseUint(header[0], 10, 32)
	if err != nil {
		return 0
	}
	return n
}

// passOn stores the current task again, alone, for a host that has a handler for its
// func: it cannot go back with the rest of its batch, of which something was or will
// be run here.
func (e *executor) passOn(t *codec.Task) {
	d := e.current
	d.slot.Finish()
	e.task.release()
	alone := d.newBatch()
	alone.Add(t)
	msg := nats.NewMsg(d.subject)
	msg.Data = alone.Bytes()
	msg.Header.Set(nats.MsgIdHdr, broker.MessageID("elsewhere", d.ack, msg.Data))
	d.next++
	e.began = e.now()
	e.outbox.addApart(d, nil, func(done func(error)) {
		// A full queue has room once this delivery is acknowledged.
		e.publisher.PublishPatiently(msg, func(_ uint64, err error) { done(err) })
	})
}
