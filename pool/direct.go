package pool

import (
	"errors"
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/transport"
)

// direct is the way between the scheduler of a [Pool] and the pool's own client, beside
// the broker. The client's outcomes are passed to it by a call. A batch that a process
// can begin at once is handed over, and not stored: client, scheduler and broker are one
// program, and the broker's files go with it. What is to run later or on another host
// goes to the queue from here.
type direct struct {
	// Of the client, set once, before it has any task; empty if there is none.
	client   string
	outcomes func([]byte) (int, error)

	batches  uint64    // that were handed over
	queued   int       // batches that the client has published and that have not come
	queuedAt time.Time // when it published the last of them

	withholding int // calls of Withhold without release: nothing is handed out
}

// queueTimeout bounds how long batches follow one before them to the broker, which
// another host may have taken.
const queueTimeout = 50 * time.Millisecond

// came notes that a batch has come from the broker.
func (c *direct) came(d *delivery) {
	if d.batch.Client == c.client && c.queued > 0 {
		c.queued--
	}
}

// followPauses has lanes that are paused get nothing handed over either, from some
// milliseconds after.
func (s *scheduler) followPauses() error {
	for queue, q := range s.queues {
		err := broker.FollowPauses(s.nc, q.name, func(lane broker.Lane, until time.Time) {
			s.do(func(*turn) { s.lanes[laneOf(queue, lane)].paused = until })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Attach implements [transport.LocalHost].
func (s *scheduler) Attach(client string, outcomes func([]byte) (int, error)) {
	s.do(func(*turn) { s.direct.client, s.direct.outcomes = client, outcomes })
}

// Take implements [transport.LocalHost].
func (s *scheduler) Take(b transport.Batch) (begin func(), ok bool) {
	lane, served := s.laneNamed(b.Queue, broker.Lane(b.Lane))
	if !served || !b.At.IsZero() {
		return nil, false
	}
	now := time.Now()
	d := &delivery{
		subject: broker.TaskSubject(b.Queue, broker.Lane(b.Lane)), lane: lane,
		info: broker.AckInfo{Stored: now}, received: now,
	}
	s.mu.Lock()
	begins := s.beginsAtOnce(d.lane, now)
	if !begins {
		s.direct.queued, s.direct.queuedAt = s.direct.queued+1, now
	}
	s.mu.Unlock()
	if !begins {
		return nil, false
	}
	if d.decode(slices.Clone(b.Data)) != nil || s.unknownFuncs(d) != nil {
		return nil, false // another host may have its funcs
	}
	t := s.begin(func(*turn) {
		s.direct.batches++
		d.info.StreamSeq = s.direct.batches
		s.deliveries[d.key()] = d
		s.wait(span{d: d, from: 0, to: d.batch.Len(), since: now}, false)
	})
	return func() { s.end(&t) }, true
}

// beginsAtOnce reports whether a process is idle, and no task waits before those of a
// batch for a lane, here or on its way through the broker; s.mu is held.
func (s *scheduler) beginsAtOnce(lane laneID, now time.Time) bool {
	if s.direct.queued > 0 && now.Sub(s.direct.queuedAt) > queueTimeout {
		s.direct.queued = 0
	}
	return !s.stopping && !now.Before(s.lanes[lane].paused) && s.direct.queued == 0 && s.idle() > 0 && !s.anyWaits()
}

// Withhold implements [transport.LocalHost]. While it withholds tasks nothing is handed
// out, and so nothing is concluded of those that wait.
func (s *scheduler) Withhold(tasks []uint64) (started []uint64, release func()) {
	ids := make([]codec.ID, len(tasks))
	for i, n := range tasks {
		ids[i] = codec.ID{Client: s.direct.client, N: n}
	}
	s.do(func(*turn) {
		s.direct.withholding++
		s.withhold(ids)
		started = s.started(tasks)
	})
	return started, func() { s.do(func(*turn) { s.direct.withholding-- }) }
}

// started returns those of the direct client's tasks that this host has and that do not
// wait.
func (s *scheduler) started(tasks []uint64) (all []uint64) {
	started := make(map[uint64]bool, len(tasks))
	for _, n := range tasks {
		started[n] = false
	}
	note := func(d *delivery, from, to int, has bool) {
		if d.batch.Client != s.direct.client {
			return
		}
		for i := from; i < to; i++ {
			if _, asked := started[d.batch.N(i)]; asked {
				started[d.batch.N(i)] = has
			}
		}
	}
	for _, d := range s.deliveries {
		note(d, 0, d.batch.Len(), true)
	}
	for _, l := range s.lanes {
		for _, sp := range l.spans {
			note(sp.d, sp.from, sp.to, false)
		}
	}
	for _, n := range tasks {
		if started[n] {
			all = append(all, n)
		}
	}
	return all
}

// anyWaits reports whether a task waits here, or should be on its way.
func (s *scheduler) anyWaits() bool {
	for _, l := range s.lanes {
		if l.waiting > 0 || l.puller.expects() {
			return true
		}
	}
	return false
}

// passDirect passes a message of outcomes by a call. Those of a client that is closed
// are dropped: nobody waits for them.
func (s *scheduler) passDirect(_ string, data []byte, done func(error)) {
	if n, err := s.direct.outcomes(data); err == nil {
		s.handed.HandedDirect(uint64(n))
	}
	done(nil)
}

// storeWhole puts a batch that was handed over into the queue.
func (s *scheduler) storeWhole(t *turn, d *delivery) {
	whole := d.newBatch()
	for i := range d.batch.Len() {
		d.addTask(whole, i)
	}
	s.store(t, d, "direct", whole.Bytes(), d.subject, func(_ *turn, err error) {
		if err != nil && !errors.Is(err, broker.ErrClosed) {
			s.logger.Error("tasks could be neither run nor stored", "error", err)
		}
	})
}
