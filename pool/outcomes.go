package pool

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/link"
)

// errGarbage is wrapped when a process reports what cannot be true.
var errGarbage = errors.New("pool: the worker process does not keep to the protocol")

// receive takes a message of outcomes from a process. After an error the process is of
// no use.
func (s *scheduler) receive(p *process, payload []byte) error {
	outcomes, err := link.ReadOutcomes(payload)
	if err != nil {
		return err
	}
	s.do(func(t *turn) { err = s.take(t, p.work, outcomes) })
	return err
}

func (s *scheduler) take(t *turn, w *worker, outcomes link.OutcomeReader) error {
	if w == nil {
		return fmt.Errorf("%w: outcomes before it is ready", errGarbage)
	}
	w.silent, w.heard, w.doubts = false, t.now, 0
	r := w.find(outcomes.Run)
	var failed error
	for o := (link.Outcome{}); ; {
		more, err := outcomes.Next(&o)
		if err != nil || !more {
			failed = err
			break
		}
		if r == nil || r.received >= r.end {
			failed = fmt.Errorf("%w: an outcome of run %d that it does not have", errGarbage, outcomes.Run)
			break
		}
		index := r.received
		r.received++
		r.d.running--
		w.served++
		s.conclude(t, w, r, index, &o)
	}
	if r == nil {
		return failed
	}
	w.sent = int(w.lastRun - r.id)
	if r.received == r.end {
		w.remove(r, t.now)
	}
	if len(w.runs) == 0 || w.runs[0].d.batch.Client != r.d.batch.Client {
		s.flush(t, r.d.batch.Client) // nothing else is to come soon
	}
	if w.maxTasks > 0 && w.served >= w.maxTasks && !w.closing {
		w.closing = true
		t.later(func() { w.leave(consumer.LeavingTasks) })
	}
	return failed
}

// conclude passes on what an attempt at a task has come to: to the next attempt, if the
// task's error budget has one left, or else to the client that waits for the outcome. Nearly
// every task goes the short way.
func (s *scheduler) conclude(t *turn, w *worker, r *run, index int, o *link.Outcome) {
	d, i := r.d, r.from+index
	name := d.batch.Func(i)
	out := codec.Outcome{N: d.batch.N(i), Run: o.Run}
	code := codec.Code("")
	switch o.Status {
	case link.StatusValue:
		out.Value = o.Body
	case link.StatusObject:
		out.Object = string(o.Body)
	default:
		f := codec.ReadFailure(o.Body)
		f.Final = o.Status == link.StatusFinal
		f.Host, f.PID, f.Attempt = s.cfg.Host, w.PID(), r.task(index).Attempt()
		out.Failure, code = f, f.Code
	}
	s.stats(name).expect(o.Run)
	d.took += o.Run
	s.note(w, d, out.N, name, code, o.Started, o.Run)
	var told func(*turn, error)
	if w.observes {
		id := r.id
		told = func(t *turn, err error) { t.later(func() { w.tellHandedOff(id, index, err) }) }
	}
	if out.Failure == nil && d.batch.Options(i) == nil {
		s.add(t, d, &out, told)
		return
	}
	s.passOn(t, d, r.task(index), &out, told)
}

// passOn passes on a task's outcome, or the task to its next attempt. told, unless nil,
// is called when that is done.
func (s *scheduler) passOn(t *turn, d *delivery, task *codec.Task, out *codec.Outcome, told func(*turn, error)) {
	if out.Failure != nil && out.Failure.Code.Retryable() {
		task.Errors++
		if at, again := nextAttempt(task, out.Failure, t.now); again {
			s.apart(t, d, told, func(done func(error)) {
				s.desk.Retry(s.queueOf(d), d.lane.lane(), d.batch.Client, task, at, done)
			})
			return
		}
	}
	if handoff.Plain(task, out.Failure) {
		s.add(t, d, out, told)
		return
	}
	s.settleApart(t, d, task, *out, told)
}

// settleApart passes on a task's end by itself.
func (s *scheduler) settleApart(t *turn, d *delivery, task *codec.Task, out codec.Outcome, told func(*turn, error)) {
	if out.Value != nil {
		out.Value = append([]byte{}, out.Value...) // it is the frame's
	}
	ending := &handoff.Ending{Queue: s.queueOf(d), Client: d.batch.Client, Task: task, Outcome: &out}
	s.apart(t, d, told, func(done func(error)) { s.desk.Settle(ending, done) })
}

// nextAttempt returns when a task that has just failed is to be tried again, if it is.
func nextAttempt(t *codec.Task, f *codec.Failure, now time.Time) (at time.Time, again bool) {
	if f.Final || t.Errors >= t.ErrorBudget() {
		return time.Time{}, false
	}
	at = now.Add(handoff.Backoff(t))
	return at, t.Deadline.IsZero() || at.Before(t.Deadline)
}

// concludeHere concludes a task that no process runs, with a failure.
func (s *scheduler) concludeHere(t *turn, d *delivery, task *codec.Task, f *codec.Failure) {
	f.Host, f.PID, f.Attempt = s.cfg.Host, s.pid, task.Attempt()
	name := task.Func
	if f.Code == codec.CodeUnknownFunc {
		name = codec.OtherFuncs // a client that submits such tasks could make any number of names
	}
	s.stats(name).add(f.Code, max(t.now.Sub(d.info.Stored), 0), time.Since(t.now))
	s.passOn(t, d, task, &codec.Outcome{N: task.N, Failure: f}, nil)
	s.flush(t, d.batch.Client)
}

// apart has what one task has come to passed on by itself: pass begins that, and says
// when it is in safe hands.
func (s *scheduler) apart(t *turn, d *delivery, told func(*turn, error), pass func(done func(error))) {
	s.sending++
	t.later(func() {
		pass(func(err error) {
			s.do(func(t *turn) {
				s.sending--
				s.handedOff(t, d, 1, err)
				if told != nil {
					told(t, err)
				}
			})
		})
	})
}

const (
	// messageBytes and messageOutcomes are the size at which a message of outcomes goes
	// out. Its client takes it as a whole.
	messageBytes    = 64 << 10
	messageOutcomes = 1024
)

// outbox collects the outcomes of a client's tasks into a message.
type outbox struct {
	out    *codec.OutcomesBuilder
	due    time.Time // when the message is to go at the latest, but for a look
	space  *[]byte   // that out began in
	counts []count
	gone   bool                 // it has
	told   []func(*turn, error) // when it is in safe hands, or cannot be
}

// messageSpace is for messages of outcomes until they are in safe hands.
var messageSpace = sync.Pool{New: func() any { return new([]byte) }}

// count says how many outcomes of a delivery are in a message.
type count struct {
	delivery *delivery
	n        int
}

// add takes the outcome of a delivery's task for its client.
func (s *scheduler) add(t *turn, d *delivery, o *codec.Outcome, told func(*turn, error)) {
	client, b := d.batch.Client, d.outbox
	if b == nil || b.gone {
		b = s.outboxes[client]
		d.outbox = b
	}
	if b == nil {
		space := messageSpace.Get().(*[]byte)
		b = &outbox{out: codec.NewOutcomes(client, *space), space: space, due: t.now.Add(lookInterval)}
		s.outboxes[client], d.outbox = b, b
	}
	before := b.out.Size()
	b.out.Add(o)
	if last := len(b.counts) - 1; last >= 0 && b.counts[last].delivery == d {
		b.counts[last].n++
	} else {
		b.counts = append(b.counts, count{d, 1})
	}
	if told != nil {
		b.told = append(b.told, told)
	}
	// With an outcome as large as the one just added the next message might not fit
	// into what the broker carries.
	size := b.out.Size()
	if size+(size-before) > messageBytes || b.out.Len() >= messageOutcomes || t.now.After(b.due) {
		s.flush(t, client)
	}
}

// flush sends what was collected for a client.
func (s *scheduler) flush(t *turn, client string) {
	b := s.outboxes[client]
	if b == nil {
		return
	}
	delete(s.outboxes, client)
	b.gone = true
	s.sending++
	pass := s.desk.Send
	if client == s.direct.client {
		pass = s.passDirect
	}
	t.later(func() {
		data := b.out.Bytes()
		pass(client, data, func(err error) {
			s.do(func(t *turn) {
				s.sending--
				for _, c := range b.counts {
					s.handedOff(t, c.delivery, c.n, err)
				}
				for _, told := range b.told {
					told(t, err)
				}
			})
			if err == nil && cap(data) <= 2*messageBytes { // else somebody may have it still
				*b.space = data[:0]
				messageSpace.Put(b.space)
			}
		})
	})
}

// flushDue sends what is due.
func (s *scheduler) flushDue(t *turn) {
	for client, b := range s.outboxes {
		if !t.now.Before(b.due) {
			s.flush(t, client)
		}
	}
}
