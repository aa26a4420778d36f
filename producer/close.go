package producer

import (
	"context"
	"fmt"
)

// Stop refuses new tasks from now on, which fail with [ErrClosed], and returns
// at once. What was submitted runs, and its results arrive; [Client.Close] is
// still due at the end. It mirrors Executor.shutdown without wait, and with
// [Client.CancelPending] also its cancel_futures.
func (c *Client) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	c.registry.stop()
}

// Close stops the client as [Client.Stop] does, waits until every call that was
// submitted has its outcome and the broker has removed what was cancelled,
// disconnects, and waits for the done callbacks that run. It mirrors
// Executor.shutdown with wait.
//
// When ctx ends first, Close disconnects at once: futures still pending fail
// with [ErrClosed], and the cause of ctx if it has one of its own, and Close
// gives ctx.Err, wrapped; their tasks stay in the queue and run. So do futures of
// [Attach], for which Close never waits. Close may be called any number of times, also at once; of the
// contexts the first to end counts, and once the client is closed it returns nil.
// It may be called from inside a done callback too, and then waits for futures,
// but for no callback.
func (c *Client) Close(ctx context.Context) error {
	c.Stop()
	err := c.waitForOutcomes(ctx)
	c.disconnect.Do(func() {
		c.mu.Lock()
		if cause := context.Cause(ctx); cause != ctx.Err() {
			c.closedBy = cause
		}
		c.mu.Unlock()
		c.end()
		for _, p := range append(c.registry.takeAll(), c.attached.takeAll()...) {
			p.finish(nil, c.closedError())
		}
		c.waitForChores() // which need the transport
		c.transport.Close()
		c.waitForChores()
	})
	if err != nil || inCallback() {
		return err
	}
	if err := c.callbacks.running.wait(ctx); err != nil {
		return fmt.Errorf("producer: closed while done callbacks still run: %w", err)
	}
	return nil
}

// waitForOutcomes waits until every submitted call has its outcome, or the client
// is closed, or gives why ctx ended before.
func (c *Client) waitForOutcomes(ctx context.Context) error {
	for _, whenEmpty := range []func() <-chan struct{}{c.registry.empty, c.met.empty, c.undos.pending.empty} {
		empty := whenEmpty()
		select {
		case <-empty: // goes before the end of ctx
			continue
		default:
		}
		select {
		case <-empty:
			continue
		case <-c.life.Done():
			return nil
		case <-ctx.Done():
		}
		if left := c.Pending(); left > 0 && c.life.Err() == nil {
			return fmt.Errorf("producer: closing with %d tasks pending: %w%s", left, ended(ctx), c.trouble())
		}
		if c.life.Err() == nil {
			return fmt.Errorf("producer: closing before cancelled tasks are removed, which may run: %w%s", ended(ctx), c.trouble())
		}
	}
	return nil
}

// closedError returns [ErrClosed], with why the client was closed if somebody said.
// It is called with mu held, or once the client is closed.
func (c *Client) closedError() error {
	if c.closedBy != nil {
		return fmt.Errorf("%w: %w", ErrClosed, c.closedBy)
	}
	return ErrClosed
}

// waitForChores waits for what ends by itself soon, now that the client's life
// has ended.
func (c *Client) waitForChores() { _ = c.chores.wait(context.Background()) }
