package producer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// Client is a connected producer: it submits tasks and receives their outcomes
// on a reply subject of its own. A client outlives any loss of its connection,
// which it restores for ever; futures stay pending meanwhile. It is safe for
// concurrent use, and one per program is enough.
type Client struct {
	id        string
	queue     string
	logger    *slog.Logger
	nc        *nats.Conn
	js        jetstream.JetStream
	publisher *broker.Publisher
	replies   *nats.Subscription
	registry  *registry
	runTimes  runTimesTable
	messages  atomic.Uint64

	mu       sync.Mutex
	batchers map[string]*batcher
	closing  bool // no new tasks

	life     context.Context // ends with the client
	end      context.CancelFunc
	reunited chan struct{} // has an element after a reconnect
	tasks    sync.WaitGroup
}

// Connect connects to the broker at url, such as "nats://127.0.0.1:4222", and
// makes the streams it needs if nobody has yet. An empty url means MUSTER_URL,
// then NATS_URL, then the NATS context, then that address. Connect waits until
// ctx ends, or 5 seconds; later losses of the connection are mended without end.
//
// Its error names what is wrong and the mend: an unreachable broker, a refused
// credential, a server that is too old or has no JetStream, or a stream that
// exists with a configuration other than Muster's.
func Connect(ctx context.Context, url string, options ...Option) (*Client, error) {
	cfg := config{queue: DefaultQueue, logger: slog.Default()}
	for _, option := range options {
		if err := option(&cfg); err != nil {
			return nil, err
		}
	}
	c := &Client{
		id:       codec.NewClientID(),
		queue:    cfg.queue,
		logger:   cfg.logger,
		registry: newRegistry(),
		batchers: map[string]*batcher{},
		reunited: make(chan struct{}, 1),
	}
	c.life, c.end = context.WithCancel(context.Background())
	nc, err := broker.Dial(ctx, url, broker.Config{
		Name: "muster client " + c.id, Logger: cfg.logger,
		Options: append(cfg.nats, nats.ReconnectHandler(func(*nats.Conn) { c.reconnected() })),
	})
	if err != nil {
		c.end()
		return nil, err
	}
	c.nc = nc
	if err := c.start(ctx); err != nil {
		c.end()
		nc.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) start(ctx context.Context) (err error) {
	if c.js, err = broker.Check(ctx, c.nc); err != nil {
		return err
	}
	if err = broker.EnsureShared(ctx, c.js, broker.StreamOptions{}); err != nil {
		return err
	}
	if c.publisher, err = broker.NewPublisher(c.nc); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.publisher.Close()
		}
	}()
	if _, err = c.batcher(ctx, c.queue); err != nil {
		return err
	}
	if c.replies, err = c.nc.Subscribe(broker.ReplyWildcard(c.id), c.receive); err != nil {
		return fmt.Errorf("producer: subscribing to replies: %w", err)
	}
	if err = c.replies.SetPendingLimits(-1, maxRepliesPending); err != nil {
		return fmt.Errorf("producer: bounding replies: %w", err)
	}
	if err = c.flush(ctx); err != nil {
		return fmt.Errorf("producer: subscribing to replies: %w", err)
	}
	c.tasks.Go(c.collectMissed)
	return nil
}

// flush waits until the broker has seen what the connection sent.
func (c *Client) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	return c.nc.FlushWithContext(ctx)
}

// ID gives the client's name, the first part of the ids of its tasks.
func (c *Client) ID() string { return c.id }

// Pending gives the number of futures without an outcome.
func (c *Client) Pending() int { return c.registry.pending() }

// Flush waits until the broker has stored every task submitted so far; from
// then on they survive the client, the workers and a restart of the broker. Its
// error wraps ctx.Err or [ErrClosed].
func (c *Client) Flush(ctx context.Context) error {
	c.mu.Lock()
	batchers := make([]*batcher, 0, len(c.batchers))
	for _, b := range c.batchers {
		batchers = append(batchers, b)
	}
	c.mu.Unlock()
	for _, b := range batchers {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Close refuses new tasks, waits until every pending future has its outcome or
// ctx ends, and disconnects. Futures still pending then fail with [ErrClosed],
// and Close gives ctx.Err, wrapped; their tasks stay in the queue and run. A
// second Close waits for the first to be over and gives nil. It mirrors
// Executor.shutdown with wait.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	first := !c.closing
	c.closing = true
	c.mu.Unlock()
	if !first {
		select {
		case <-c.life.Done():
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}

	var err error
	select {
	case <-c.registry.empty():
	case <-ctx.Done():
		err = fmt.Errorf("producer: closing with %d tasks pending: %w%s", c.Pending(), context.Cause(ctx), c.trouble())
	}
	c.end()
	c.tasks.Wait()
	c.publisher.Close()
	for _, p := range c.registry.takeAll() {
		p.finish(nil, ErrClosed)
	}
	// The last receipts are still in the connection's buffer.
	if ferr := c.flush(context.WithoutCancel(ctx)); ferr != nil {
		c.logger.Debug("flushing at close", "error", ferr)
	}
	c.nc.Close()
	return err
}

// register gives p a number and a place in the registry, unless the client is
// closing.
func (c *Client) register(p *pending) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return ErrClosed
	}
	c.registry.add(p)
	return nil
}

func (c *Client) forget(p *pending) { c.registry.take(p.n) }

// batcher gives the batcher of a queue, whose stream it makes if nobody has.
func (c *Client) batcher(ctx context.Context, queue string) (*batcher, error) {
	c.mu.Lock()
	b, closing := c.batchers[queue], c.closing
	c.mu.Unlock()
	if closing {
		return nil, ErrClosed
	}
	if b != nil {
		return b, nil
	}
	if err := broker.EnsureQueue(ctx, c.js, queue, broker.StreamOptions{}); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.batchers[queue] == nil {
		c.batchers[queue] = newBatcher(c, queue, broker.TaskSubject(queue, broker.Normal))
	}
	return c.batchers[queue], nil
}

// failBatch fails the futures of a batch that was not stored.
func (c *Client) failBatch(data []byte, cause error) {
	err := fmt.Errorf("%w: %w", ErrNotStored, cause)
	if errors.Is(cause, broker.ErrClosed) {
		err = ErrClosed
	}
	var batch codec.Batch
	if derr := batch.Decode(data); derr != nil {
		c.logger.Error("a batch of this client does not decode", "error", derr)
	}
	for i := range batch.Tasks {
		if p := c.registry.take(batch.Tasks[i].N); p != nil {
			p.finish(nil, err)
		}
	}
}

// requestCancel asks the workers of the task's queue not to start it.
func (c *Client) requestCancel(p *pending) {
	request := codec.AppendCancel(nil, c.id, false, p.n)
	if err := c.nc.Publish(broker.CancelSubject(p.batch.queue), request); err != nil {
		c.logger.Warn("a cancel request could not be sent", "task", p.id().String(), "error", err)
	}
}

func (c *Client) nextMessage() string { return strconv.FormatUint(c.messages.Add(1), 10) }

func (c *Client) maxPayload() int { return int(c.nc.MaxPayload()) }

// trouble says what is wrong with the connection, as the end of an error, and
// nothing if it stands.
func (c *Client) trouble() string {
	if c.nc.IsConnected() {
		return ""
	}
	s := "; the broker cannot be reached"
	if err := c.nc.LastError(); err != nil {
		s += ": " + err.Error()
	}
	return s
}
