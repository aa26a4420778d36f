package consumer

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/musterfleet/muster/codec"
)

// executor runs deliveries one after the other, on one goroutine. A handler that
// calls runtime.Goexit ends that goroutine; then another goes on in its place.
type executor struct {
	*Worker
	ctx      context.Context
	tenure   tenure
	current  *delivery
	origin   *origin      // of its tasks
	task     *taskContext // that runs, or ran last
	contexts contexts
	known    known     // the func that was called last
	read     time.Time // when the clock was read last, in full
	began    time.Time // when the current task, or delivery, began
	looksAt  time.Time // when the supervisor will look at the limit of what runs
	scratch  []byte    // where results are encoded
	nextAway time.Time // when a delivery may go back for another host without a pause

	observation Observation // of the task that runs; nil if nobody observes
	left        chan<- Leaving
}

// loop runs deliveries until it is time to leave, and says why.
func (e *executor) loop() {
	why := Leaving("")
	defer func() {
		if why == "" {
			e.finish(&codec.Failure{Code: codec.CodeGoexit, Stack: string(debug.Stack())}, nil)
			go e.loop()
			return
		}
		e.rest()
		e.left <- why
	}()
	for {
		if e.current == nil {
			if e.current, why = e.take(); why != "" {
				return
			}
		}
		if why = e.runDelivery(); why != "" {
			return
		}
	}
}

// take waits for the next delivery, or says why to leave instead.
func (e *executor) take() (*delivery, Leaving) {
	if why := e.tenure.over(e.ctx); why != "" {
		return nil, why
	}
	if d := e.backlog.take(); d != nil {
		return e.begin(d), ""
	}
	// Nothing at hand: whoever waits for outcomes shall not wait longer.
	e.rest()
	e.outbox.flush()
	e.busy.Store(false)
	e.atWork.Store(nil)
	e.ask()
	idle, stop := e.tenure.idle()
	defer stop()
	for {
		select {
		case <-e.backlog.arrived:
			if d := e.next(); d != nil {
				return e.begin(d), ""
			}
		case <-idle:
			return nil, LeavingIdle
		case <-e.ctx.Done():
			return nil, LeavingDrained
		}
	}
}

func (e *executor) begin(d *delivery) *delivery {
	e.busy.Store(true)
	e.atWork.Store(d)
	if d.next == 0 {
		d.slow = e.isSlow(d)
	}
	e.slow.Store(d.slow)
	e.origin = &origin{client: d.batch.Client, logger: e.Logger, wait: e.Wait, reporter: e.Worker}
	e.read = time.Now()
	e.began = e.read
	d.linger = lingerAfter(e.began.Sub(d.stored))
	e.ask()
	return d
}

// isSlow reports whether a delivery's tasks take long, or may, by the first of
// them.
func (e *executor) isSlow(d *delivery) bool {
	if len(d.batch.Tasks) == 0 {
		return false
	}
	f := e.functions[d.batch.Tasks[0].Func]
	return f != nil && f.takes(slowFrom)
}

// runDelivery runs the tasks that are left of the current delivery, unless
// something more urgent comes. When it is time to leave it leaves the rest where it
// is, on the board.
func (e *executor) runDelivery() Leaving {
	d, began := e.current, e.began
	if e.putBack(d) {
		e.current = nil
		return ""
	}
	for {
		if d.next > 0 && e.yields() {
			e.backlog.pause(d, e.began)
			e.current = nil
			return ""
		}
		if !d.beginNext() {
			break
		}
		if why := e.tenure.over(e.ctx); why != "" {
			return why
		}
		e.runTask(&d.batch.Tasks[d.next])
	}
	e.current = nil
	e.observeDelivery(e.began.Sub(began))
	return ""
}

func (e *executor) runTask(t *codec.Task) {
	f := e.known.find(e.functions, t.Func)
	away := false
	if f == nil { // asked before the task counts as started, so that nothing is charged
		_, away = e.elsewhere(t)
	}
	ctx := e.contexts.next()
	ctx.begin(e.origin, t)
	e.start(ctx, f, t)
	if failure := e.refuse(f, t, away); failure != nil {
		e.finish(failure, nil)
		return
	}
	if away {
		e.passOn(t)
		return
	}
	if f.takes(slowFrom) {
		e.giveBackBacklog()
	}
	if f.takes(long) {
		e.outbox.flush()
	}
	if f.takes(announceFrom) {
		e.announce()
	}
	var result []byte
	arg, failure := e.argument(ctx, t)
	if failure == nil {
		given := context.Context(ctx)
		if observer != nil {
			given = e.observeBegin(ctx)
		}
		result, failure = f.run(given, e.scratch[:0], arg)
	}
	f.observe(e.finish(failure, result))
}

// start notes on the board that a task starts, and when it must have ended.
func (e *executor) start(ctx *taskContext, f *function, t *codec.Task) {
	limitAt := int64(0)
	if t.Limit > 0 {
		limitAt = e.began.Add(t.Limit).UnixNano()
	}
	e.current.slot.Start(f.boardIndex(), t.N, e.began.UnixNano(), limitAt)
	e.task = ctx
	e.running.begin(ctx, e.began)
	if limitAt == 0 || e.Watch == nil {
		return
	}
	// The supervisor looks at the board when a limit passes, and then again at
	// the limit it finds there. So it need not hear of each; but whether it will
	// still look is asked after the limit was noted, lest both miss it.
	if at := time.Unix(0, limitAt); at.Before(e.looksAt) || !time.Now().Before(e.looksAt) {
		e.looksAt = at
		e.Watch(at)
	}
}

// refuse returns the failure of a task that is not to be run, here or, if away,
// elsewhere.
func (e *executor) refuse(f *function, t *codec.Task, away bool) *codec.Failure {
	if f == nil && !away {
		return unknown(t, e.Host)
	}
	return e.lapsed(t)
}

// lapsed returns the failure of a task that nobody is to run any more.
func (e *executor) lapsed(t *codec.Task) *codec.Failure {
	if failure := expired(t, e.began); failure != nil {
		return failure
	}
	if e.cancels.has(e.current.batch.Client, t.N) {
		return &codec.Failure{Code: codec.CodeCancelled}
	}
	return nil
}

// finish notes what the current task came to, and gives how long it ran.
func (e *executor) finish(failure *codec.Failure, result []byte) (run time.Duration) {
	d := e.current
	t := &d.batch.Tasks[d.next]
	object := ""
	if failure == nil && len(result) > envelope && len(result) > int(e.Conn.MaxPayload())-envelope {
		object, failure = e.large(e.task, t, result)
	}
	now := e.now()
	d.slot.Finish()
	e.task.release()
	if failure != nil {
		if stopped := e.task.stoppedFor(); stopped != "" {
			failure = &codec.Failure{Code: stopped, Message: failure.Message}
		}
		failure.Host, failure.PID, failure.Attempt = e.Host, e.PID, t.Attempt()
	}
	e.note(d, failure, now)
	run = now.Sub(e.began)
	d.next++
	e.began = now
	e.tenure.served++
	e.conclude(d, t, &codec.Outcome{N: t.N, Value: result, Object: object, Failure: failure, Run: run}, now)
	if cap(result) <= messageBytes {
		e.scratch = result[:0]
	}
	return run
}

// now gives the time. Between two tasks of a delivery the monotonic clock is
// enough, which costs half as much to read.
func (e *executor) now() time.Time { return e.read.Add(time.Since(e.read)) }

// rest notes that nothing runs.
func (e *executor) rest() {
	e.running.end()
	e.task = nil
}

// envelope is what a message of outcomes holds besides one result, at most.
const envelope = 1 << 10

// observeDelivery learns how long deliveries take: quickly that they take
// longer, slowly that they take less.
func (e *executor) observeDelivery(run time.Duration) {
	next, usual := max(int64(run), 1), e.usual.Load()
	switch {
	case usual == 0:
	case next > usual:
		next = usual + (next-usual+1)/2
	default:
		next = usual - (usual-next)/8
	}
	e.usual.Store(next)
}
