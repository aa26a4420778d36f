package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
)

// Purge cancels the tasks of a queue that wait: those in messages that have not
// been delivered, those that are delayed, and those that wait for their next
// attempt. Each client is told at once, and then the task is removed; so their
// futures fail with codec.ErrCancelled. Their large arguments are removed from the
// object store. Cron schedules stay.
//
// A message in flight stays, for a host may be at work on it: hosts are asked not
// to begin those of its tasks that they have not begun.
//
// A task that a host takes in the same instant may run all the same; its client has
// been told then, and the first outcome stands.
//
// It returns the number of tasks that it has removed, also beside an error, after
// which it can be called again. Its error wraps [ErrNoQueue] or [ErrQueueName].
func (f *Fleet) Purge(ctx context.Context, queue string) (n int, err error) {
	if _, err := f.look(ctx, queue); err != nil {
		return 0, err
	}
	if err := broker.EnsureShared(ctx, f.js, broker.StreamOptions{}); err != nil { // where outcomes go
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := &purge{fleet: f, queue: queue, ctx: ctx, stop: cancel, places: make(chan struct{}, purgedAbreast), first: make(chan struct{}, 1)}
	// Schedules first: what is due meanwhile is in the queue then.
	if err = p.schedules(); err == nil {
		err = errors.Join(p.messages(), p.sendRequests())
	}
	p.all.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		err = fmt.Errorf("purging queue %s: %w", queue, err)
	}
	return int(p.removed.Load()), err
}

const (
	// purgedAbreast is how many messages are purged at a time.
	purgedAbreast = 16
	// lookAgain is how old the knowledge may be of what has been delivered.
	lookAgain = 50 * time.Millisecond
	// roomTimeout bounds how long the outcomes of a batch that made room for them wait
	// for that room, which others may take.
	roomTimeout = 30 * time.Second
	// maxOutcomes is how long a message of outcomes may get before the next is
	// begun, in bytes.
	maxOutcomes = 64 << 10
	// maxAsked bounds the tasks of which hosts are asked together: each takes at
	// most nine bytes of a message, and a batch may add a thousand more.
	maxAsked = 4096
)

// purge is one run of Purge.
type purge struct {
	fleet     *Fleet
	queue     string
	ctx       context.Context
	stop      context.CancelCauseFunc
	delivered [len(broker.Lanes)]struct {
		upTo uint64
		at   time.Time
	}

	asked  map[string][]uint64 // by client, tasks that hosts are to be asked not to begin
	asking int                 // how many

	all     sync.WaitGroup
	places  chan struct{} // an element for each message being purged
	first   chan struct{} // an element while a message is removed before its outcomes are stored
	removed atomic.Int64  // tasks
}

// schedules purges what waits for its time.
func (p *purge) schedules() error {
	for s, err := range broker.Schedules(p.ctx, p.fleet.js, p.queue) {
		if err != nil {
			return err
		}
		if s.Cron != "" {
			continue
		}
		batch, _ := readBatch(s.Data)
		err = p.begin(batch, func() error { return broker.Unschedule(p.ctx, p.fleet.js, s.Subject) })
		if err != nil {
			return err
		}
	}
	return nil
}

// messages purges what waits for a host.
func (p *purge) messages() error {
	return broker.Walk(p.ctx, p.fleet.js, p.queue, func(seq uint64, subject string, data []byte) error {
		batch, readable := readBatch(data)
		batch.Number(seq)
		switch delivered, err := p.isDelivered(seq, subject); {
		case err != nil:
			return err
		case delivered && readable:
			return p.request(batch)
		case delivered:
			return nil // it goes to the dead letters
		}
		return p.begin(batch, func() error { return broker.Remove(p.ctx, p.fleet.js, p.queue, seq) })
	})
}

// readBatch returns a batch of no task for a message that is none: nobody is to be
// told of it.
func readBatch(data []byte) (batch *codec.Batch, ok bool) {
	batch = &codec.Batch{}
	return batch, batch.Decode(data) == nil
}

// isDelivered reports whether a message has been delivered, now or a moment ago.
func (p *purge) isDelivered(seq uint64, subject string) (bool, error) {
	for _, lane := range broker.Lanes {
		if subject != broker.TaskSubject(p.queue, lane) {
			continue
		}
		known := &p.delivered[lane]
		if seq > known.upTo && time.Since(known.at) > lookAgain {
			info, err := broker.LookAtLane(p.ctx, p.fleet.js, p.queue, lane)
			if err != nil {
				return false, err
			}
			known.upTo, known.at = info.Delivered, time.Now()
		}
		return seq <= known.upTo, nil
	}
	return false, nil
}

// request asks hosts not to begin tasks, together with others of their client: the
// broker keeps a bounded number of such requests, for all queues.
func (p *purge) request(batch *codec.Batch) error {
	if p.asked == nil {
		p.asked = map[string][]uint64{}
	}
	for i := range batch.Tasks {
		p.asked[batch.Client] = append(p.asked[batch.Client], batch.Tasks[i].N)
		p.asking++
	}
	if p.asking < maxAsked {
		return nil
	}
	return p.sendRequests()
}

// sendRequests sends what request has collected.
func (p *purge) sendRequests() error {
	for client, numbers := range p.asked {
		request := codec.AppendCancel(nil, client, false, numbers...)
		if err := p.fleet.nc.Publish(broker.CancelSubject(p.queue), request); err != nil {
			return err
		}
	}
	clear(p.asked)
	p.asking = 0
	return nil
}

// begin has the tasks of a batch cancelled, and then removed, when there is a
// place.
func (p *purge) begin(batch *codec.Batch, remove func() error) error {
	select {
	case p.places <- struct{}{}:
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
	p.all.Go(func() {
		defer func() { <-p.places }()
		err := p.settle(batch)
		switch {
		case errors.Is(err, broker.ErrStreamFull):
			err = p.makeRoom(batch, remove)
		case err == nil:
			err = remove()
		}
		if err != nil {
			p.stop(err)
			return
		}
		p.removed.Add(int64(len(batch.Tasks)))
		for i := range batch.Tasks {
			p.fleet.removeObject(p.ctx, batch.Tasks[i].Object)
		}
	})
	return nil
}

// makeRoom removes a batch whose outcomes a full broker does not store, and stores
// them where the batch was. One batch at a time goes first like this: it has room for
// the outcomes of others. They would be lost if this process ended in between.
func (p *purge) makeRoom(batch *codec.Batch, remove func() error) error {
	select {
	case p.first <- struct{}{}:
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
	err := p.settle(batch) // another may have made room
	full := errors.Is(err, broker.ErrStreamFull)
	if full || err == nil {
		err = remove()
	}
	<-p.first
	if !full || err != nil {
		return err
	}
	for until := time.Now().Add(roomTimeout); ; {
		if err = p.settle(batch); !errors.Is(err, broker.ErrStreamFull) || time.Now().After(until) {
			return err
		}
		select {
		case <-time.After(lookAgain):
		case <-p.ctx.Done():
			return context.Cause(p.ctx)
		}
	}
}

// settle tells the client of a batch that its tasks are cancelled, and returns
// when it knows, or the broker keeps that for it.
func (p *purge) settle(batch *codec.Batch) error {
	failure := &codec.Failure{Code: codec.CodeCancelled, Message: "purged from queue " + p.queue + " by an operator"}
	settled := make(chan error, len(batch.Tasks)) // of each message of outcomes
	messages := 0
	done := func(err error) { settled <- err }
	plain := codec.NewOutcomes(batch.Client, nil)
	send := func() {
		if plain.Len() > 0 {
			messages++
			p.fleet.desk.Send(batch.Client, plain.Bytes(), done)
			plain = codec.NewOutcomes(batch.Client, nil)
		}
	}
	for i := range batch.Tasks {
		task := &batch.Tasks[i]
		end := &handoff.Ending{
			Queue: p.queue, Client: batch.Client, Task: task,
			Outcome: &codec.Outcome{N: task.N, Failure: failure},
		}
		if !handoff.Plain(end.Task, end.Outcome.Failure) {
			messages++
			p.fleet.desk.Settle(end, done)
			continue
		}
		if plain.Add(end.Outcome); plain.Size() > maxOutcomes {
			send()
		}
	}
	send()
	var failed error
	for range messages {
		select {
		case err := <-settled:
			failed = errors.Join(failed, err)
		case <-p.ctx.Done():
			return context.Cause(p.ctx)
		}
	}
	return failed
}
