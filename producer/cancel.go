package producer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/musterfleet/muster/codec"
)

// maxCancelIDs bounds the tasks named in one cancel request, each with at most
// nine bytes.
const maxCancelIDs = 4096

// CancelPending cancels every task of this client that is not known to have
// started, as [Future.Cancel] does, and gives how many it cancelled. It mirrors
// the cancel_futures of Executor.shutdown.
func (c *Client) CancelPending() int { return c.cancel(false, c.registry.all()...) }

// Cancel cancels tasks by their ids, whichever client they are of. For a task of
// which this client has a pending future that is its [Future.Cancel]. For others
// it asks all hosts not to start it, and the broker not to schedule it if it is
// delayed; its outcome tells whether that came in time. The error wraps
// codec.ErrMalformed for an id that is none, [ErrClosed] or ctx.Err, or says that
// the broker could not be asked; then some may have been cancelled.
func (c *Client) Cancel(ctx context.Context, ids ...codec.ID) error {
	return c.cancelByID(ctx, false, ids)
}

// Kill is [Client.Cancel] for tasks that may be running, which are stopped then,
// see [Future.Kill].
func (c *Client) Kill(ctx context.Context, ids ...codec.ID) error {
	return c.cancelByID(ctx, true, ids)
}

func (c *Client) cancelByID(ctx context.Context, running bool, ids []codec.ID) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if c.life.Err() != nil {
		return ErrClosed
	}
	var ours []*pending
	var others []codec.ID
	for _, id := range ids {
		if _, err := codec.ParseID(id.String()); err != nil {
			return err
		}
		if p := c.find(id); p != nil {
			ours = append(ours, p)
		} else if id.Client != c.id { // our own is done
			others = append(others, id)
		}
	}
	c.cancel(running, ours...)
	asked := c.requestCancel(running, byAddressee("", others))
	return errors.Join(asked, c.cancelDelayed(ctx, others))
}

// cancelDelayed cancels those of other clients' tasks that are delayed. No worker
// will tell of them, so their outcome is stored first.
func (c *Client) cancelDelayed(ctx context.Context, ids []codec.ID) error {
	return each(ids, func(id codec.ID) error {
		ctx, cancel := context.WithTimeout(ctx, 3*lookPatience)
		defer cancel()
		delayed, err := c.transport.Scheduled(ctx, id)
		if err != nil || !delayed {
			return err
		}
		if _, err := c.transport.Results().Keep(ctx, id, cancelledOutcome(id), keyRetain); err != nil {
			return err
		}
		return c.transport.Unschedule(ctx, id)
	})
}

// cancel cancels those of the futures that are not known to have started, or all
// that are not done if running ones may be stopped; it tells the workers in few
// messages, runs the futures' callbacks, and gives how many it cancelled.
func (c *Client) cancel(running bool, futures ...*pending) int {
	c.callbacks.running.begin() // so that Close waits for those that come below
	defer c.callbacks.running.end()
	cancelled := 0
	var durable []*pending
	var delayed []codec.ID
	numbers := map[addressee][]uint64{}
	var due []*calls
	for _, p := range futures {
		p = p.lead()
		if p.durable() {
			durable = append(durable, p)
			continue
		}
		callbacks, ok := p.cancel(running)
		if !ok {
			continue
		}
		cancelled++
		c.counters.fail(codec.CodeCancelled, 1)
		c.registry.take(p.n)
		to := addressee{p.batch.queue, c.id}
		numbers[to] = append(numbers[to], p.n)
		if p.traits != nil && p.traits.delayed {
			delayed = append(delayed, p.id())
		}
		if len(callbacks) > 0 {
			due = append(due, &calls{of: p, rest: callbacks})
		}
	}
	c.warn(c.requestCancel(running, numbers))
	c.chore(func(ctx context.Context) { c.warn(c.unschedule(ctx, delayed)) }, len(delayed) > 0)
	for _, calls := range due {
		<-c.callbacks.run(calls)
	}
	return cancelled + c.cancelDurable(running, durable)
}

// cancelDurable is cancel for futures whose outcome others may ask for: the first
// that is stored stands.
func (c *Client) cancelDurable(running bool, futures []*pending) int {
	var mu sync.Mutex // of what follows
	cancelled := 0
	numbers := map[addressee][]uint64{}
	var untidy []*pending
	err := each(futures, func(p *pending) error {
		p.mu.Lock()
		may := p.mayCancel(running)
		p.mu.Unlock()
		if !may {
			return nil
		}
		if err := c.keepCancelled(p); err != nil {
			return fmt.Errorf("producer: cancelling task %s: %w", p.id(), err)
		}
		if p.state() != Cancelled {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		cancelled++
		to := addressee{p.batch.queue, p.id().Client}
		numbers[to] = append(numbers[to], p.n)
		if p.traits.maybeDelayed() || p.traits.key != "" {
			untidy = append(untidy, p)
		}
		return nil
	})
	c.warn(errors.Join(err, c.requestCancel(running, numbers)))
	c.chore(func(ctx context.Context) {
		c.warn(each(untidy, func(p *pending) error { return c.tidy(ctx, p) }))
	}, len(untidy) > 0)
	return cancelled
}

// keepCancelled has the broker store that a task is cancelled, and settles its
// future with the outcome that stands then.
func (c *Client) keepCancelled(p *pending) error {
	id := p.id()
	retain := p.traits.retain
	if retain == 0 {
		retain = keyRetain // not known here
	}
	ctx, cancel := c.soon(context.Background())
	defer cancel()
	stands, err := c.transport.Results().Keep(ctx, id, cancelledOutcome(id), retain)
	if err != nil {
		return err
	}
	return receiver{c}.Kept(stands)
}

func cancelledOutcome(id codec.ID) []byte {
	message := codec.NewOutcomes(id.Client, nil)
	message.Add(&codec.Outcome{N: id.N, Failure: &codec.Failure{Code: codec.CodeCancelled, Message: "cancelled by its id"}})
	return message.Bytes()
}

// tidy removes what a cancelled durable task leaves at the broker.
func (c *Client) tidy(ctx context.Context, p *pending) error {
	ctx, cancel := context.WithTimeout(ctx, 2*lookPatience)
	defer cancel()
	if p.traits.maybeDelayed() {
		if err := c.transport.Unschedule(ctx, p.id()); err != nil {
			return fmt.Errorf("producer: cancelling delayed task %s: %w", p.id(), err)
		}
	}
	if p.traits.key != "" {
		return c.transport.Release(ctx, p.traits.queue, p.traits.key, p.id())
	}
	return nil
}

// unschedule removes delayed tasks.
func (c *Client) unschedule(ctx context.Context, ids []codec.ID) error {
	return each(ids, func(id codec.ID) error {
		ctx, cancel := context.WithTimeout(ctx, lookPatience)
		defer cancel()
		if err := c.transport.Unschedule(ctx, id); err != nil {
			return fmt.Errorf("producer: cancelling delayed task %s: %w", id, err)
		}
		return nil
	})
}

// addressee is for whom a cancel request is, and whose tasks it names.
type addressee struct{ queue, client string }

func byAddressee(queue string, ids []codec.ID) map[addressee][]uint64 {
	numbers := map[addressee][]uint64{}
	for _, id := range ids {
		to := addressee{queue, id.Client}
		numbers[to] = append(numbers[to], id.N)
	}
	return numbers
}

// requestCancel asks workers not to start tasks, or to stop them.
func (c *Client) requestCancel(running bool, numbers map[addressee][]uint64) (err error) {
	most := max(1, min(maxCancelIDs, (c.transport.MaxPayload()-envelope)/9))
	for to, numbers := range numbers {
		for len(numbers) > 0 {
			n := min(most, len(numbers))
			request := codec.AppendCancel(nil, to.client, running, numbers[:n]...)
			if failed := c.transport.Cancel(to.queue, request); failed != nil {
				err = fmt.Errorf("producer: sending a cancel request for %d tasks: %w", n, failed)
			}
			numbers = numbers[n:]
		}
	}
	return err
}

// warn logs an error that no caller can be told.
func (c *Client) warn(err error) {
	if err != nil {
		c.logger.Warn("a cancelled task may run all the same", "error", err)
	}
}
