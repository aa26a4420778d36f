package producer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/musterfleet/muster/internal/broker"
)

const (
	// undoTimeout bounds one attempt of an undo.
	undoTimeout = 5 * time.Second
	// undoInterval is the time between two attempts.
	undoInterval = 500 * time.Millisecond
	// maxUndoing bounds the undos that run at a time.
	maxUndoing = 64
)

// undo removes from the broker what a cancelled task has left there. It runs behind
// what it undoes: a schedule that is removed before it is stored stays.
type undo struct {
	stored <-chan struct{} // closed once the broker has what is to be removed, or never will; nil if it has
	remove func(context.Context) error
}

// undos runs undos in their order, a few at a time, until each has succeeded or the
// client ends. Its zero value is ready for use.
type undos struct {
	pending tally // Close and Flush wait for it

	mu      sync.Mutex
	queue   []*undo
	workers int
}

// undo starts an undo and returns at once.
func (c *Client) undo(u *undo) {
	c.undos.pending.begin()
	c.undos.mu.Lock()
	defer c.undos.mu.Unlock()
	c.undos.queue = append(c.undos.queue, u)
	if c.undos.workers < maxUndoing {
		c.undos.workers++
		c.chores.begin()
		go c.runUndos()
	}
}

// runUndos runs undos until none is left.
func (c *Client) runUndos() {
	defer c.chores.end()
	for u := c.undos.next(); u != nil; u = c.undos.next() {
		c.warn(c.runUndo(u))
		c.undos.pending.end()
	}
}

// next removes and returns the next undo, or nil if the worker is to end.
func (q *undos) next() *undo {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		q.workers--
		q.queue = nil
		return nil
	}
	u := q.queue[0]
	q.queue[0] = nil
	q.queue = q.queue[1:]
	return u
}

func (c *Client) runUndo(u *undo) error {
	if u.stored != nil {
		select {
		case <-u.stored:
		case <-c.life.Done():
			return ErrClosed
		}
	}
	for {
		ctx, cancel := context.WithTimeout(c.life, undoTimeout)
		err := u.remove(ctx)
		cancel()
		if err == nil || errors.Is(err, broker.ErrPermission) {
			return err
		}
		select {
		case <-time.After(undoInterval):
		case <-c.life.Done():
			return fmt.Errorf("%w: %w", ErrClosed, err)
		}
	}
}
