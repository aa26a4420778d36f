package producer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// maxCancelIDs bounds the tasks named in one cancel request, each with at most
// nine bytes.
const maxCancelIDs = 4096

const (
	// cancelTimeout bounds a cancellation whose context has no deadline: longer than
	// a cluster takes to choose a leader.
	cancelTimeout = 15 * time.Second
	// runningTimeout is how long hosts have to say that they run a task whose start
	// this client is not told of.
	runningTimeout = 2 * time.Second
	// cancelAttempt bounds one request to the broker, which may be lost with the
	// connection, and cancelInterval is the time until the next.
	cancelAttempt  = 3 * time.Second
	cancelInterval = 200 * time.Millisecond
)

// CancelPending cancels every task of this client that is not known to have
// started, as [Future.Cancel] does, and returns how many it cancelled. The error is
// as that of Future.Cancel. It mirrors the cancel_futures of Executor.shutdown.
func (c *Client) CancelPending(ctx context.Context) (int, error) {
	return c.cancel(ctx, false, c.registry.all()...)
}

// Cancel cancels tasks by their ids, whichever client they are of. For a task of
// which this client has a pending future that is its [Future.Cancel]. For others
// it asks all hosts not to start it, and removes it from the broker if it is
// delayed; its outcome tells whether that came in time. A task that runs goes on and
// keeps its outcome. The error wraps codec.ErrMalformed for an invalid id,
// [ErrClosed] or ctx.Err, or says that the broker could not be asked; then some may
// have been cancelled.
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
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	_, err := c.cancel(ctx, running, ours...)
	if asked := c.ask(ctx, running, others); asked != nil {
		return errors.Join(err, asked)
	}
	err = errors.Join(err, each(others, func(id codec.ID) error { return c.cancelDelayed(ctx, id) }))
	if failed := c.undos.pending.wait(ctx); failed != nil {
		err = errors.Join(err, fmt.Errorf("producer: the broker has not confirmed that cancelled tasks are removed: %w%s", failed, c.trouble()))
	}
	return err
}

// cancelDelayed cancels another client's task if it is delayed. Hosts have been
// asked not to start it, so it cannot begin meanwhile; no worker tells of it, so its
// outcome is stored before it is removed.
func (c *Client) cancelDelayed(ctx context.Context, id codec.ID) error {
	var delayed []byte
	err := c.retry(ctx, func(ctx context.Context) (err error) {
		if delayed, err = c.transport.Scheduled(ctx, id); err != nil || delayed == nil {
			return err
		}
		if _, err := c.transport.Results().Keep(ctx, id, cancelledOutcome(id), keyRetain); err != nil {
			return err
		}
		return c.transport.Unschedule(ctx, id)
	})
	if err == nil && delayed != nil {
		c.dropArguments(delayed)
	}
	return err
}

// bounded limits ctx to the client's life, and to cancelTimeout if it has no
// deadline.
func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, end := c.within(ctx)
	if _, ok := ctx.Deadline(); ok {
		return ctx, end
	}
	ctx, cancel := context.WithTimeout(ctx, cancelTimeout)
	return ctx, func() {
		cancel()
		end()
	}
}

// retry calls do until it succeeds, the broker refuses it or has no streams, or ctx ends.
func (c *Client) retry(ctx context.Context, do func(context.Context) error) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, cancelAttempt)
		err := do(attempt)
		cancel()
		if err == nil || errors.Is(err, broker.ErrPermission) || errors.Is(err, errUnused) {
			return err
		}
		select {
		case <-time.After(cancelInterval):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w%s", ended(ctx), err, c.trouble())
		}
	}
}

// cancel cancels those of the futures that are not known to have started, or all
// that are not done if running ones may be stopped; it tells the workers in few
// messages, runs the futures' callbacks, and returns how many it cancelled. What
// needs no answer of the broker's it does whether or not ctx has ended.
func (c *Client) cancel(ctx context.Context, running bool, futures ...*pending) (int, error) {
	c.callbacks.running.begin() // so that Close waits for those that come below
	defer c.callbacks.running.end()
	var plain, durable []*pending
	for _, p := range futures {
		if p = p.lead(); p.durable() {
			durable = append(durable, p)
		} else if p.cancellable(running) {
			plain = append(plain, p)
		}
	}
	cancelled, numbers, due := c.cancelPlain(running, plain)
	err := c.requestCancel(running, numbers)
	for _, calls := range due {
		<-c.callbacks.run(calls)
	}
	if len(durable) == 0 {
		return cancelled, err
	}
	ctx, end := c.bounded(ctx)
	defer end()
	n, failed := c.cancelDurable(ctx, running, durable)
	return cancelled + n, errors.Join(err, failed)
}

// cancelPlain settles those of the futures that may still be cancelled. It returns how
// many those are, their numbers, and the callbacks that are due.
func (c *Client) cancelPlain(running bool, futures []*pending) (cancelled int, numbers map[addressee][]uint64, due []*calls) {
	if !running {
		defer c.withhold(futures)()
	}
	numbers = map[addressee][]uint64{}
	for _, p := range futures {
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
			c.undo(&undo{stored: p.traits.stored, remove: c.unschedule(p)})
		}
		if len(callbacks) > 0 {
			due = append(due, &calls{of: p, rest: callbacks})
		}
	}
	return cancelled, numbers, due
}

// withhold has a host in this program start none of the futures' tasks until release
// is called, and those running that it has started.
func (c *Client) withhold(futures []*pending) (release func()) {
	host := c.transport.Local()
	if host == nil || len(futures) == 0 {
		return func() {}
	}
	// The registry may not have them any more: a future leaves it before it has its outcome.
	numbered := make(map[uint64]*pending, len(futures))
	for _, p := range futures {
		numbered[p.n] = p
	}
	started, release := host.Withhold(slices.Collect(maps.Keys(numbered)))
	for _, n := range started {
		numbered[n].start()
	}
	return release
}

// cancelDurable is cancel for futures whose outcome others may ask for: the first
// that is stored stands.
func (c *Client) cancelDurable(ctx context.Context, running bool, futures []*pending) (int, error) {
	if !running {
		if err := c.findRunning(ctx, futures); err != nil {
			return 0, err
		}
	}
	var mu sync.Mutex // of what follows
	cancelled := 0
	numbers := map[addressee][]uint64{}
	err := each(futures, func(p *pending) error {
		if !p.cancellable(running) {
			return nil
		}
		if err := c.keepCancelled(ctx, p); err != nil {
			return fmt.Errorf("producer: task %s is not cancelled: %w", p.id(), err)
		}
		if p.state() != Cancelled {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		cancelled++
		if running || p.traits.owner == "" { // else the hosts have been asked
			to := addressee{p.batch.queue, p.id().Client}
			numbers[to] = append(numbers[to], p.n)
		}
		if p.traits.maybeDelayed() || p.traits.key != "" {
			c.undo(&undo{stored: p.traits.stored, remove: c.tidy(p)})
		}
		return nil
	})
	return cancelled, errors.Join(err, c.requestCancel(running, numbers))
}

// findRunning asks the hosts which of the tasks run whose starts this client is not
// told of, and has their futures running. Hosts start none of them any more.
func (c *Client) findRunning(ctx context.Context, futures []*pending) error {
	var unknown []*pending
	var ids []codec.ID
	for _, p := range futures {
		if p.traits.owner != "" && p.cancellable(false) {
			unknown = append(unknown, p)
			ids = append(ids, p.id())
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	if err := c.ask(ctx, false, ids); err != nil {
		return err
	}
	timer := time.NewTimer(runningTimeout)
	defer timer.Stop()
	for _, p := range unknown {
		select {
		case <-p.started():
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("producer: waiting for hosts to say whether they run task %s: %w", p.id(), ended(ctx))
		}
	}
	return nil
}

// ask sends requests to cancel other clients' tasks, waits until the broker keeps
// them for hosts that come later, and has hosts say which of the tasks they run.
func (c *Client) ask(ctx context.Context, running bool, ids []codec.ID) error {
	return c.cancelRequests(running, byAddressee("", ids), func(_ string, request []byte) error {
		return c.retry(ctx, func(ctx context.Context) error { return c.transport.AskCancel(ctx, request) })
	})
}

// keepCancelled has the broker store that a task is cancelled, and settles its
// future with the outcome that stands then.
func (c *Client) keepCancelled(ctx context.Context, p *pending) error {
	id := p.id()
	retain := p.traits.retain
	if retain == 0 {
		retain = keyRetain // not known here
	}
	var stands []byte
	err := c.retry(ctx, func(ctx context.Context) (err error) {
		stands, err = c.transport.Results().Keep(ctx, id, cancelledOutcome(id), retain)
		return err
	})
	if err == nil {
		err = receiver{c}.Kept(stands)
	}
	if err != nil {
		return err
	}
	select {
	case <-p.finished(): // maybe by the live copy, which another goroutine has taken first
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}

func cancelledOutcome(id codec.ID) []byte {
	message := codec.NewOutcomes(id.Client, nil)
	message.Add(&codec.Outcome{N: id.N, Failure: &codec.Failure{Code: codec.CodeCancelled, Message: "cancelled by its id"}})
	return message.Bytes()
}

// tidy returns what removes what a cancelled durable task leaves at the broker.
func (c *Client) tidy(p *pending) func(context.Context) error {
	unschedule := c.unschedule(p)
	return func(ctx context.Context) error {
		if p.traits.maybeDelayed() {
			err := unschedule(ctx)
			if errors.Is(err, broker.ErrPermission) && !p.traits.delayed {
				c.warn(err) // most likely there is nothing to remove
			} else if err != nil {
				return err
			}
		}
		if p.traits.key != "" {
			return c.transport.Release(ctx, p.traits.queue, p.traits.key, p.id())
		}
		return nil
	}
}

// unschedule returns what removes a delayed task.
func (c *Client) unschedule(p *pending) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := c.transport.Unschedule(ctx, p.id()); err != nil {
			return fmt.Errorf("producer: removing the delayed task %s: %w", p.id(), err)
		}
		return nil
	}
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
func (c *Client) requestCancel(running bool, numbers map[addressee][]uint64) error {
	return c.cancelRequests(running, numbers, c.transport.Cancel)
}

// cancelRequests sends as few requests as name all the tasks.
func (c *Client) cancelRequests(running bool, numbers map[addressee][]uint64, send func(queue string, request []byte) error) (err error) {
	most := max(1, min(maxCancelIDs, (c.transport.MaxPayload()-envelope)/9))
	for to, numbers := range numbers {
		for len(numbers) > 0 {
			n := min(most, len(numbers))
			request := codec.AppendCancel(nil, to.client, running, numbers[:n]...)
			if failed := send(to.queue, request); failed != nil {
				err = fmt.Errorf("producer: asking to cancel %d tasks: %w", n, failed)
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
