package producer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/objects"
	"github.com/musterfleet/muster/internal/transport"
)

// DefaultMaxValue is the largest argument or result, in bytes encoded, that a
// client sends or takes unless [WithMaxValue] says otherwise.
const DefaultMaxValue = objects.DefaultMax

const (
	// fetches is how many large results a client fetches at a time.
	fetches = 4
	// dropTimeout bounds the removal of a value that nobody needs any more. What
	// stays is removed by the object store itself, in time.
	dropTimeout = 5 * time.Second
)

// maxAgeMargin is how long before the end of its argument's life a delayed task must
// start at the latest: it may have to wait for a worker, and be tried again.
const maxAgeMargin = 24 * time.Hour

// putLarge stores an argument that no message carries by itself, until the
// future is done. The task starts at a time, if that is set, and its argument must be
// there then.
func (c *Client) putLarge(ctx context.Context, p *pending, t *codec.Task, at time.Time) error {
	store := c.transport.Objects()
	if store == nil || int64(len(t.Arg)) > c.maxValue {
		return fmt.Errorf("%w: the argument has %d bytes, the client sends at most %d", codec.ErrTooLarge, len(t.Arg), c.maxValue)
	}
	if !at.IsZero() {
		if err := checkMaxAge(ctx, store, t, at); err != nil {
			return err
		}
	}
	name, err := store.Put(ctx, t.Arg, 0)
	if err != nil {
		return fmt.Errorf("producer: storing a large argument: %w", err)
	}
	t.Object, t.Arg = name, nil
	budget := codec.Task{MaxErrors: t.MaxErrors}
	p.notify(c, func() {
		err := p.outcomeErr()
		if errors.Is(err, ErrClosed) {
			return // the task may be stored, and then it runs, and its worker removes the argument
		}
		if failed, ok := err.(*failure); !ok || !budget.GivenUp(failed.Failure) {
			c.drop(name) // else the dead letter may be tried again
		}
	})
	return nil
}

// checkMaxAge refuses a start at a time when the object store has removed the
// argument.
func checkMaxAge(ctx context.Context, store transport.Objects, t *codec.Task, at time.Time) error {
	limit, err := store.MaxAge(ctx)
	if err != nil {
		return fmt.Errorf("producer: storing a large argument: %w", err)
	}
	wait := time.Until(at)
	if limit == 0 || wait <= limit-min(maxAgeMargin, limit/8) {
		return nil
	}
	return fmt.Errorf("%w: a start in %s with an argument of %d bytes: the broker's object store keeps it for %s only; start it earlier, "+
		"make the argument small enough for a message, or raise max_age of stream %s",
		ErrOption, wait.Round(time.Second), len(t.Arg), limit, broker.ObjectStreamName)
}

// drop removes a large value that nobody needs any more. It does not block.
func (c *Client) drop(name string) {
	c.chores.begin()
	go func() {
		defer c.chores.end()
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
		defer cancel()
		if err := c.transport.Objects().Remove(ctx, name); err != nil {
			c.logger.Debug("a large value stays in the object store for a while", "object", name, "error", err)
		}
	}()
}

// dropArguments removes the large arguments of an encoded batch's tasks.
func (c *Client) dropArguments(data []byte) {
	var batch codec.Batch
	if err := batch.Decode(data); err != nil {
		c.logger.Debug("a cancelled task does not decode", "error", err)
		return
	}
	for i := range batch.Tasks {
		if name := batch.Tasks[i].Object; name != "" {
			c.drop(name)
		}
	}
}

// fetchLarge settles a future whose result is in the object store. It does not
// block: the future stays registered until the result is there, and further
// outcomes change nothing meanwhile. The outcome is counted by the way it came.
func (c *Client) fetchLarge(id codec.ID, o codec.Outcome, way *atomic.Uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.find(id)
	if p == nil || c.fetching[id] {
		return
	}
	if c.fetching == nil {
		c.fetching = map[codec.ID]bool{}
	}
	c.fetching[id] = true
	c.chores.begin()
	go func() {
		defer c.chores.end()
		c.fetches <- struct{}{}
		value, err := c.get(o.Object)
		<-c.fetches
		// Remove first, so that a concurrent Attach cannot find the finished future.
		c.fetched(p)
		switch {
		case err == nil:
			p.load.observe(max(o.Run, time.Nanosecond))
			if p.finishAs(Finished, runTimeOf(o.Run), value, nil) {
				c.counters.came(way, 1, 1)
			}
		case p.finish(nil, err) && !errors.Is(err, ErrClosed):
			c.counters.came(way, 1, 0)
			c.counters.fail(codeNotFetched, 1)
		}
		if !p.durable() {
			c.drop(o.Object)
		}
	}()
}

// fetched makes room for another future of p's task. Close still waits for p, by
// the chore.
func (c *Client) fetched(p *pending) {
	c.remove(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.fetching, p.id())
}

// get fetches a value.
func (c *Client) get(name string) (value []byte, err error) {
	value, err = c.transport.Objects().Get(c.life, name, c.maxValue)
	switch {
	case c.life.Err() != nil && err != nil:
		return nil, ErrClosed
	case errors.Is(err, objects.ErrTooLarge):
		return nil, fmt.Errorf("%w: %w", codec.ErrTooLarge, err)
	case err != nil:
		return nil, fmt.Errorf("producer: fetching a large result: %w", err)
	}
	return value, nil
}
