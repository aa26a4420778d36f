package producer

import (
	"context"
	"time"

	"github.com/musterfleet/muster/codec"
)

const (
	// looks is how many kept outcomes a client asks for at a time.
	looks = 64
	// lookTimeout bounds one such question, and the storing of an outcome.
	lookTimeout = 5 * time.Second
)

// Attach returns a future of a task by its id, of whichever client that was, and
// whether or not that client or its process still exists. f must be the func that
// the task calls. The future gets the outcome that is stored for the task, or that
// will be: all who attach get the same. When Attach returns it has looked for one,
// so the future of a task that is done is done too.
//
// Only the outcomes of durable tasks are stored ([Retain], [Key]), and only for
// their time. The future of any other task, or of one that never was, may stay
// pending for ever, so that the context given to Result is what ends the wait.
// [Client.Close] does not wait for it. It tells neither when the task starts nor
// its progress, unless the task is one of this client's that is pending.
//
// The error wraps codec.ErrMalformed if id is none, codec.ErrName or
// codec.ErrOption if the func cannot be used, [ErrAttached], [ErrClosed], or
// ctx.Err. A broker that cannot be reached is no error: it is asked when it is
// back.
func Attach[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], id codec.ID) (*Future[R], error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if _, err := codec.ParseID(id.String()); err != nil {
		return nil, err
	}
	return attach(ctx, c, f, id, traits{})
}

// attach is Attach for an id that is one, and with what else is known of the
// task.
func attach[A, R any](ctx context.Context, c *Client, f codec.Func[A, R], id codec.ID, known traits) (*Future[R], error) {
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	known.owner = id.Client
	future := &Future[R]{}
	future.route = &route{c.elsewhere, c.elsewhere.load(f.Name()), f.Spec()}
	future.n, future.traits = id.N, &known
	leads, err := c.join(&future.pending)
	if err != nil {
		return nil, err
	}
	if leads {
		c.look(ctx, id)
	}
	return future, nil
}

// join finds a place for an attached future: in the table, or behind the future
// that the client has of that task already. It reports whether it is in the
// table.
func (c *Client) join(p *pending) (leads bool, err error) {
	for {
		leader, err := c.leader(p)
		if err != nil {
			return false, err
		}
		if leader == p {
			return true, nil
		}
		if p.follow(leader) {
			return false, nil
		}
		c.remove(leader) // is done, and about to be taken
	}
}

// leader returns the future of p's task, which is p itself if there has been none.
func (c *Client) leader(p *pending) (*pending, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil, c.closedError()
	}
	if id := p.id(); id.Client == c.id {
		if own := c.registry.find(id.N); own != nil {
			return own, nil
		}
	}
	return c.attached.join(p)
}

// watch has kept outcomes of a client's tasks come in. Those of this client's own
// come always.
func (c *Client) watch(owner string) (stop func(), err error) {
	if owner == c.id {
		return func() {}, nil
	}
	return c.transport.Results().Watch(owner)
}

// look asks for the outcome kept for a task, and settles the task's future with
// it if there is one. It waits for the answer until ctx ends. What it does not
// learn, the transport will ask for again.
func (c *Client) look(ctx context.Context, id codec.ID) {
	select {
	case c.looks <- struct{}{}:
		defer func() { <-c.looks }()
	case <-ctx.Done():
		return
	case <-c.life.Done():
		return
	}
	ctx, cancel := c.soon(ctx)
	defer cancel()
	kept, err := c.transport.Results().Get(ctx, id)
	if err == nil && kept != nil {
		err = receiver{c}.Kept(kept)
	}
	if err != nil {
		c.logger.Debug("a kept outcome could not be asked for; will try again", "task", id.String(), "error", err)
	}
}

// soon is within for a question that must have an answer soon.
func (c *Client) soon(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, end := c.within(ctx)
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	return ctx, func() {
		cancel()
		end()
	}
}

// within returns a context that ends with ctx and with the client.
func (c *Client) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.life, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// find returns the future of a task without removing it, or nil.
func (c *Client) find(id codec.ID) *pending {
	if id.Client == c.id {
		if p := c.registry.find(id.N); p != nil {
			return p
		}
	}
	return c.attached.find(id)
}

// remove removes a future that is done, and no other of its task that may have
// come in its place.
func (c *Client) remove(p *pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.find(p.id()) == p {
		c.take(p.id())
	}
}

// take removes and returns the future of a task, or nil if there is none (any
// more).
func (c *Client) take(id codec.ID) *pending {
	if id.Client == c.id {
		if p := c.registry.take(id.N); p != nil {
			return p
		}
	}
	return c.attached.take(id)
}
