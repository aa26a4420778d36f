package consumer

import (
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/objects"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// Worker is the part of a worker process that serves tasks. Stop alone may be
// called beside Serve.
type Worker struct {
	Config
	functions map[string]*function
	journal   *scoreboard.Journal
	publisher *broker.Publisher
	objects   *objects.Store
	desk      *handoff.Desk
	outbox    *outbox
	pullers   [len(broker.Lanes)]*puller
	cancels   cancels

	backlog  *backlog
	held     atomic.Int64 // deliveries in hand, running and handed off but not acknowledged included
	busy     atomic.Bool  // a delivery is running
	usual    atomic.Int64 // usual run time of a delivery in nanoseconds; 0 while unknown
	slow     atomic.Bool  // the delivery that runs has tasks that take long, or may
	running  running
	atWork   atomic.Pointer[delivery] // what runs
	gaveBack atomic.Bool              // something more urgent than what runs was given back
}

const (
	// atHand is how much work, in run time, a process keeps waiting beside what
	// it runs, so that it need not wait for the broker between short tasks.
	atHand = 5 * time.Millisecond
	// oneAtHand is the usual run time of deliveries up to which one is kept waiting
	// all the same, if their tasks are short.
	oneAtHand = 50 * time.Millisecond
	// slowFrom is the usual run time from which tasks are not short: none is to wait
	// behind them.
	slowFrom = 2 * time.Millisecond
	// mostAtHand bounds the number of deliveries waiting.
	mostAtHand = 16
)

// demand gives how many deliveries of a lane the process wants to have waiting.
// While it runs something that takes long it wants none: they are better off
// elsewhere.
func (w *Worker) demand(lane broker.Lane) int {
	want := 0
	if !w.running.long(time.Now()) {
		usual := time.Duration(w.usual.Load())
		if usual > 0 {
			want = min(int(atHand/usual), mostAtHand)
		}
		if usual > 0 && usual <= oneAtHand && !w.slow.Load() || w.mayYield(lane) {
			want = max(want, 1)
		}
	}
	if !w.busy.Load() {
		want = max(want, 1)
	}
	return min(want-w.backlog.upTo(lane), scoreboard.Slots-int(w.held.Load()))
}

// mayYield reports whether a batch is at work whose rest would let a lane go first.
// It takes no lock, since whoever frees a delivery asks for another with that held.
func (w *Worker) mayYield(lane broker.Lane) bool {
	d := w.atWork.Load()
	return d != nil && lane < d.lane && d.several
}

// receive takes a delivery from the broker, on the subscription's goroutine.
func (w *Worker) receive(lane broker.Lane, msg *nats.Msg, info broker.AckInfo) {
	d := &delivery{worker: w, ack: msg.Reply, subject: msg.Subject, stored: info.Stored, lane: lane}
	if offers := msg.Header[offersHeader]; offers != nil {
		d.offers = readOffers(offers)
	}
	if err := d.decode(msg.Data); err != nil {
		w.reject(msg, info.StreamSeq, err)
		return
	}
	d.batch.Number(info.StreamSeq)
	slot, ok := w.Board.Take(d.ack, d.batch.Client, info.Stored.UnixNano(), len(d.batch.Tasks))
	if !ok {
		w.giveBack(d)
		return
	}
	d.slot, d.end = slot, len(d.batch.Tasks)
	d.several = d.end > 1
	w.held.Add(1)
	if w.running.long(time.Now()) {
		w.giveBack(d)
		return
	}
	w.backlog.put(d)
}

// reject puts a message that is not a batch aside as a dead letter.
func (w *Worker) reject(msg *nats.Msg, seq uint64, cause error) {
	w.Logger.Error("a message in the queue is not a batch of tasks; it goes to the dead letters",
		"queue", w.Queue, "error", cause)
	w.desk.Unread(w.Queue, seq, msg.Data, cause, func(err error) {
		if err != nil {
			w.Logger.Error("a message that is not a batch could not be put aside", "error", err)
			return // it comes again when its lease ends
		}
		w.answer(msg.Reply, ackTerm)
	})
}

// Answers to a delivery.
const (
	ackDone  = "+ACK"
	ackTerm  = "+TERM"
	ackAgain = "-NAK"
	ackLater = `-NAK {"delay":5000000000}`
)

// answer tells the broker what became of a delivery. It may be lost with the
// connection; then the lease ends, and the delivery comes again.
func (w *Worker) answer(ack, answer string) {
	if err := w.Conn.Publish(ack, []byte(answer)); err != nil {
		w.Logger.Debug("answering a delivery", "answer", answer, "error", err)
	}
}

// giveBack returns a delivery that has not begun, for another process to run. It
// may be what this one should run next.
func (w *Worker) giveBack(d *delivery) {
	if w.mayYield(d.lane) {
		w.pullers[d.lane].expect()
		w.gaveBack.Store(true)
	}
	w.answer(d.ack, ackAgain)
	d.release()
}

func (w *Worker) giveBackBacklog() {
	for d := w.backlog.takeNew(); d != nil; d = w.backlog.takeNew() {
		w.giveBack(d)
	}
}
