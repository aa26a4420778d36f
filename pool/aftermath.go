package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// aftermathPatience bounds how long the tasks of one dead process are seen to:
// longer than a cluster takes to choose a leader. What is left then comes back
// when its lease ends.
const aftermathPatience = 15 * time.Second

const (
	// readPatience bounds one attempt to read a message, which may be lost with
	// the connection.
	readPatience = 2 * time.Second
	readAgain    = 50 * time.Millisecond
)

// aftermath sees to the deliveries that a dead process had in hand, by what its
// scoreboard says. What it had not begun goes back to the queue. A batch that it
// had begun cannot go back as it is: the tasks whose outcomes are not in safe
// hands are stored again as new messages, the one that was running with an
// attempt charged, and then the old message is acknowledged. It reports whether
// a task was running that is charged.
func (p *place) aftermath(c *child) (running bool) {
	ctx, cancel := context.WithTimeout(context.Background(), aftermathPatience)
	defer cancel()
	p.awaitFarewell(ctx, c)
	var all sync.WaitGroup
	for _, d := range c.board.Deliveries() {
		running = running || d.Running() && !c.diedForAnother(d)
		if d.Started == 0 {
			p.answer(d.Ack, "-NAK")
			continue
		}
		all.Go(func() {
			if err := p.putBack(ctx, c, d); err != nil {
				p.cfg.Logger.Error("tasks of a dead worker process could not be put back; they come back when their lease ends",
					"pid", c.PID(), "error", err)
			}
		})
	}
	all.Wait()
	return running
}

// putBack stores again the tasks of one delivery that are not done.
func (p *place) putBack(ctx context.Context, c *child, d scoreboard.Delivery) error {
	if d.HandedOff >= d.Tasks {
		p.answer(d.Ack, "+ACK")
		return nil
	}
	info, err := broker.ParseAck(d.Ack)
	if err != nil {
		return err
	}
	batch, err := p.fetch(ctx, info)
	if err != nil || batch == nil {
		return err
	}
	if d.Tasks > len(batch.Tasks) {
		return fmt.Errorf("pool: the scoreboard says %d tasks, the message has %d", d.Tasks, len(batch.Tasks))
	}
	put := &putting{place: p, ack: d.Ack}
	rest := codec.NewBatch(batch.Client, nil)
	if batch.Chunk {
		rest = codec.NewChunk(batch.Client, nil)
	}
	for i := d.HandedOff; i < d.Tasks; i++ {
		task := &batch.Tasks[i]
		if !d.Running() || i != d.Started-1 {
			rest.Add(task)
			continue
		}
		c.charge(task)
		if v, ok := c.verdictOn(d); ok {
			put.fail(batch.Client, task, time.Since(d.StartedAt), &codec.Failure{
				Code: v.why, Message: v.message, Host: p.cfg.Host, PID: c.PID(), Attempt: task.Attempt(),
			})
			continue
		}
		if p.killing.Load() || c.diedForAnother(d) {
			rest.Add(task) // our doing, not the task's
			continue
		}
		attempt := task.Attempt()
		if task.Crashes++; task.Crashes < task.CrashBudget() {
			// Alone, so that a task that kills its process troubles no other again.
			suspect := codec.NewBatch(batch.Client, nil)
			suspect.Add(task)
			put.store(suspect.Bytes())
			continue
		}
		// The cause is known once the process's output has ended.
		select {
		case <-c.Exited():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		put.fail(batch.Client, task, time.Since(d.StartedAt), newDeath(c, true, false).failure(p.cfg.Host, attempt))
	}
	if rest.Len() > 0 {
		put.store(rest.Bytes())
	}
	if err := put.wait(ctx); err != nil {
		return err
	}
	p.answer(d.Ack, "+ACK")
	return nil
}

// fetch gets a delivered message back from its stream; nil if it is gone, since
// its worker acknowledged it with its last breath.
func (p *place) fetch(ctx context.Context, info broker.AckInfo) (*codec.Batch, error) {
	msg, err := p.message(ctx, info.StreamSeq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("pool: reading message %d of %s: %w", info.StreamSeq, info.Stream, err)
	}
	batch := &codec.Batch{}
	if err := batch.Decode(msg.Data); err != nil {
		return nil, fmt.Errorf("pool: message %d of %s: %w", info.StreamSeq, info.Stream, err)
	}
	batch.Number(info.StreamSeq)
	return batch, nil
}

// message reads a message of the queue's stream, and asks again until ctx ends,
// since the broker may be away for a moment. A supervisor that kills does not
// stay for that.
func (p *place) message(ctx context.Context, seq uint64) (*jetstream.RawStreamMsg, error) {
	for {
		once, cancel := context.WithTimeout(ctx, readPatience)
		msg, err := p.tasks.GetMsg(once, seq)
		cancel()
		if err == nil || errors.Is(err, jetstream.ErrMsgNotFound) || p.killing.Load() {
			return msg, err
		}
		select {
		case <-time.After(readAgain):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// putting waits for the parts of one delivery to be in safe hands.
type putting struct {
	*place
	ack   string
	parts []chan error
}

// store publishes tasks again, in the high lane: they have waited their turn
// already.
func (p *putting) store(data []byte) {
	msg := nats.NewMsg(broker.TaskSubject(p.cfg.Queue, broker.High))
	msg.Header.Set(nats.MsgIdHdr, broker.MessageID("putback", p.ack, data))
	msg.Data = data
	done := p.part()
	// A full queue has room once the message is acknowledged that these come from,
	// or another: this is no time to lose the charge.
	p.publisher.PublishPatiently(msg, func(_ uint64, err error) { done <- err })
}

// fail passes on that a task has failed, and will not run again.
func (p *putting) fail(client string, t *codec.Task, run time.Duration, why *codec.Failure) {
	done := p.part()
	p.desk.Settle(&handoff.Ending{
		Queue: p.cfg.Queue, Client: client, Task: t, Outcome: &codec.Outcome{N: t.N, Run: run, Failure: why},
	}, func(err error) { done <- err })
}

func (p *putting) part() chan error {
	part := make(chan error, 1)
	p.parts = append(p.parts, part)
	return part
}

func (p *putting) wait(ctx context.Context) error {
	for i, part := range p.parts {
		select {
		case err := <-part:
			if err != nil {
				return fmt.Errorf("pool: part %d of %s: %w", i+1, p.ack, err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
