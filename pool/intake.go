package pool

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/broker"
)

const (
	// ahead is how much work, in run time, each process may have waiting on its host, so
	// that it need not wait for the broker between short tasks.
	ahead = 5 * time.Millisecond
	// slowFrom is the usual run time from which tasks are not short: nothing is pulled
	// that would wait behind them.
	slowFrom = 2 * time.Millisecond
	// aheadPerProcess bounds the deliveries waiting, for each process.
	aheadPerProcess = 16
)

// setDemand notes how many deliveries of each lane the host wants; s.mu is held. It is
// what its processes can begin soon, no more: the rest is better off elsewhere.
func (s *scheduler) setDemand() {
	idle, ready := len(s.dormant), 0
	for _, w := range s.workers {
		if !w.takes() {
			continue
		}
		if ready++; len(w.runs) == 0 {
			idle++
		}
	}
	want := idle
	if ready > 0 && s.usual > 0 && !s.allLong() {
		work := ahead * time.Duration(ready)
		want = max(want, min(int(work/s.usual), aheadPerProcess*ready))
	}
	waiting := 0
	for i, l := range s.lanes {
		id := laneID(i)
		if s.weighted && id == laneOf(id.queue(), 0) {
			waiting = 0 // its turn comes whatever waits in others
		}
		waiting += len(l.spans) // about as many deliveries
		n := want
		if n < 1 && ready > 0 && s.mayYield(id) {
			n = 1
		}
		n -= waiting
		if s.stopping || s.sending >= maxSending+2*len(s.workers) {
			n = 0
		}
		l.want.Store(int32(max(min(n, maxAhead), 0)))
	}
}

// mayYield reports whether tasks are at work, or handed out, that would let those of a
// lane go first.
func (s *scheduler) mayYield(id laneID) bool {
	for _, w := range s.workers {
		for _, r := range w.runs {
			if r.tasks > 1 && s.outranks(id, r.d.lane) {
				return true
			}
		}
	}
	return false
}

// allLong reports whether every process runs a task that is known to take long, so
// that what comes would wait.
func (s *scheduler) allLong() bool {
	for _, w := range s.workers {
		if !w.takes() {
			continue
		}
		if len(w.runs) == 0 {
			return false
		}
		r := w.runs[0]
		if usual := s.stats(r.fn(r.received)).usual; usual > 0 && usual < slowFrom {
			return false
		}
	}
	return true
}

// observeDelivery learns how long deliveries take: quickly that they take longer,
// slowly that they take less.
func (s *scheduler) observeDelivery(d *delivery) {
	next := max(d.took, 1)
	switch {
	case s.usual == 0:
	case next > s.usual:
		next = s.usual + (next-s.usual+1)/2
	default:
		next = s.usual - (s.usual-next)/8
	}
	s.usual = next
}

// offersHeader of a message says how often its tasks were offered before.
const offersHeader = "Muster-Offers"

// deliver takes a delivery from the broker, on the subscription's goroutine.
func (s *scheduler) deliver(lane laneID, msg *nats.Msg, info broker.AckInfo) {
	d := &delivery{ack: msg.Reply, subject: msg.Subject, info: info, lane: lane, received: time.Now()}
	if offers := msg.Header[offersHeader]; offers != nil {
		d.offers = readOffers(offers)
	}
	if err := d.decode(msg.Data); err != nil {
		s.reject(d, msg, err)
		s.do(func(*turn) {}) // another is pulled in its place
		return
	}
	unknown := s.unknownFuncs(d)
	s.do(func(t *turn) {
		s.direct.came(d)
		held := s.deliveries[d.key()]
		switch {
		case held != nil:
			// Its lease has ended, and nobody else has it: it is the same as before.
			held.ack, held.info = d.ack, d.info
		case s.stopping:
			t.later(func() { s.answer(d.ack, ackAgain) })
		default:
			s.deliveries[d.key()] = d
			if len(unknown) > 0 {
				s.sendElsewhere(t, d, unknown)
				return
			}
			s.wait(span{d: d, from: 0, to: d.batch.Len(), since: t.now}, false)
		}
	})
}

// reject puts a message that is not a batch aside as a dead letter.
func (s *scheduler) reject(d *delivery, msg *nats.Msg, cause error) {
	queue := s.queueOf(d)
	s.logger.Error("a message in the queue is not a batch of tasks; it goes to the dead letters",
		"queue", queue, "error", cause)
	s.desk.Unread(queue, d.info.StreamSeq, msg.Data, cause, func(err error) {
		if err != nil {
			s.logger.Error("a message that is not a batch could not be put aside", "error", err)
			return // it comes again when its lease ends
		}
		s.answer(msg.Reply, ackTerm)
	})
}

// answer tells the broker what becomes of a delivery. Lost answers cost time, not
// tasks: the delivery comes again when its lease ends.
func (s *scheduler) answer(ack, answer string) {
	if err := s.nc.Publish(ack, []byte(answer)); err != nil {
		s.logger.Debug("answering a delivery", "answer", answer, "error", err)
	}
}

// A queue's hosts may have different funcs, at least while a new version is rolled
// out. A task of a func that has no handler here goes back to the queue while another
// host has one. The broker cannot tell hosts apart, so the task may come to any of
// those that pull, this one included: it is offered to as many as there are processes
// at once, and then again after a pause, since those that could run it may be busy.
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
	// awayInterval is the time for each delivery that a host puts back like this, so that
	// a flood of them does not keep it from its work.
	awayInterval = 2 * time.Millisecond
	// maxForeign bounds the deliveries that wait for the word of other hosts.
	maxForeign = 256
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

// unknownFuncs returns the funcs of a delivery's tasks that have no handler here.
func (s *scheduler) unknownFuncs(d *delivery) map[string]bool {
	var unknown map[string]bool
	name := ""
	for i := range d.batch.Len() {
		if next := d.batch.Func(i); next != name || i == 0 {
			if name = next; !s.handles(name) {
				if unknown == nil {
					unknown = map[string]bool{}
				}
				unknown[name] = true
			}
		}
	}
	return unknown
}

// sendElsewhere finds out whether other hosts have handlers for funcs, and then does
// with a delivery what that calls for.
func (s *scheduler) sendElsewhere(t *turn, d *delivery, unknown map[string]bool) {
	if s.foreign >= maxForeign {
		s.forget(t, d, ackLater)
		return
	}
	s.foreign++
	t.later(func() {
		go func() { // it asks the fleet
			processes := make(map[string]int, len(unknown))
			for name := range unknown {
				processes[name] = s.elsewhere(s.queueOf(d), name)
			}
			s.do(func(t *turn) {
				s.foreign--
				if !d.gone {
					s.divide(t, d, processes)
				}
			})
		}()
	})
}

// divide gives back a delivery of which nothing can be run here and the first task can
// elsewhere. Of another, each task waits here, fails, or goes elsewhere alone.
// processes says of each func without a handler how many processes the hosts have if
// another has one, and else 0.
func (s *scheduler) divide(t *turn, d *delivery, processes map[string]int) {
	if s.offer(t, d, processes) {
		return
	}
	from := 0
	for i := range d.batch.Len() {
		n, unknown := processes[d.batch.Func(i)]
		if !unknown {
			continue
		}
		task := d.batch.Task(i)
		s.wait(span{d: d, from: from, to: i, since: t.now}, false)
		from = i + 1
		_, again := awayPause(d.offers+d.info.Delivered, max(n, 1))
		switch failure := s.unfit(d, i, t.now); {
		case failure != nil:
			s.concludeHere(t, d, task, failure)
		case n > 0 && again:
			alone := d.newBatch()
			alone.Add(task)
			s.store(t, d, "elsewhere", alone.Bytes(), d.subject, func(t *turn, err error) { s.handedOff(t, d, 1, err) })
		default:
			s.concludeHere(t, d, task, unknownFunc(task, s.cfg.Host))
		}
	}
	s.wait(span{d: d, from: from, to: d.batch.Len(), since: t.now}, false)
}

// offer gives a delivery back for other hosts if nothing of it can be run here and its
// first task can there, and reports whether it did.
func (s *scheduler) offer(t *turn, d *delivery, processes map[string]int) bool {
	for i := range d.batch.Len() {
		if _, unknown := processes[d.batch.Func(i)]; !unknown {
			return false
		}
	}
	if n := processes[d.batch.Func(0)]; n > 0 && s.unfit(d, 0, t.now) == nil {
		pause, again := awayPause(d.offers+d.info.Delivered, n)
		if !again {
			return false
		}
		pause = max(pause, min(s.nextAway.Sub(t.now), maxAwayPause))
		s.nextAway = t.now.Add(max(s.nextAway.Sub(t.now), 0) + awayInterval)
		switch {
		case d.info.Delivered >= maxOffers:
			s.offerAnew(t, d)
		case pause > 0:
			s.forget(t, d, fmt.Sprintf(`-NAK {"delay":%d}`, pause.Nanoseconds()))
		default:
			s.forget(t, d, ackAgain)
		}
		s.logger.Debug("a task of a func without a handler here goes to another host", "func", d.batch.Func(0), "pause", pause)
		return true
	}
	return false
}

// offerAnew stores a delivery again as a message of its own, whose deliveries count
// from the first, and which says how often it was offered before.
func (s *scheduler) offerAnew(t *turn, d *delivery) {
	whole := d.newBatch()
	for i := range d.batch.Len() {
		d.addTask(whole, i)
	}
	msg := nats.NewMsg(d.subject)
	msg.Data = whole.Bytes()
	// The same for each delivery of the message, so that it is stored once.
	msg.Header.Set(nats.MsgIdHdr, broker.MessageID("elsewhere", strconv.FormatUint(d.info.StreamSeq, 10), msg.Data))
	msg.Header[offersHeader] = []string{strconv.FormatUint(d.offers+d.info.Delivered, 10)}
	n := whole.Len()
	s.publish(t, msg, func(t *turn, err error) { s.handedOff(t, d, n, err) })
}

// unknownFunc is the failure of a task of a func that has no handler on any host.
func unknownFunc(t *codec.Task, host string) *codec.Failure {
	return &codec.Failure{Code: codec.CodeUnknownFunc, Message: fmt.Sprintf(
		"%q has no handler on host %s, which handles %q, and no other host of the queue says that it has one",
		t.Func, host, consumer.Handled())}
}
