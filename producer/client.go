package producer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/transport"
	"github.com/musterfleet/muster/login"
)

// Client is a connected producer: it submits tasks and receives their outcomes
// on a reply subject of its own. A client outlives any loss of its connection,
// which it restores for ever; futures stay pending meanwhile. It is safe for
// concurrent use, and one per program is enough.
type Client struct {
	id        string
	group     string // of clients, that the id begins with
	queue     string
	logger    *slog.Logger
	transport transport.Transport
	registry  *registry
	attached  attachments
	callbacks callbacks
	runTimes  runTimesTable
	plain     plainSubmissions
	counters  counters
	observer  Observer // may be nil

	mu       sync.Mutex
	batchers map[string]*[3]*batcher // by queue and lane
	stopped  bool                    // no new tasks
	closedBy error                   // why the client was closed, if somebody said
	fetching map[codec.ID]bool       // large results on their way

	elsewhere *batcher      // for no queue: of tasks that others have published
	met       tally         // of submitted calls whose key another task had
	looks     chan struct{} // an element for each kept outcome being asked for

	maxValue int64
	fetches  chan struct{} // an element for each large result being fetched
	chores   tally         // of goroutines that end by themselves soon
	undos    undos

	disconnect sync.Once
	life       context.Context // ends when the client disconnects
	end        context.CancelFunc
}

// Connect connects to the broker at url, such as "nats://127.0.0.1:4222", and
// makes the streams it needs if nobody has yet. An empty url means MUSTER_URL,
// then NATS_URL, then the NATS context, then that address. Connect waits until
// ctx ends, or 5 seconds; later losses of the connection are mended without end.
//
// Its error names what is wrong and the mend: an unreachable broker, a refused
// credential or permission, a server that is too old or has no JetStream, or a stream that
// exists with a configuration other than Muster's.
func Connect(ctx context.Context, url string, options ...Option) (*Client, error) {
	cfg, err := newConfig(options)
	if err != nil {
		return nil, err
	}
	if s := cfg.supervisor; s != nil {
		url, cfg.who = supervisorURL, login.Credentials{Group: s.Group, InboxPrefix: s.InboxPrefix}
		cfg.nats = append(cfg.nats, nats.SetCustomDialer(dialFunc(s.Dial)))
	} else if url, cfg.who, err = broker.Resolve(url, cfg.who); err != nil {
		return nil, err
	}
	if group := cfg.who.Group; group != "" && !codec.ValidGroup(group) {
		return nil, fmt.Errorf("%w: the group %.40q; use 1 to 32 of a-z 0-9", ErrOption, group)
	}
	return open(ctx, newRemote(url, cfg), cfg)
}

// supervisorURL stands for the broker where a supervisor connects the client.
const supervisorURL = "nats://supervisor"

// dialFunc is a nats.CustomDialer.
type dialFunc func(network, address string) (net.Conn, error)

func (dial dialFunc) Dial(network, address string) (net.Conn, error) { return dial(network, address) }

// New makes a client over a transport other than the broker, which it closes at
// its own end. Programs outside this module use [Connect], and in their unit
// tests package mustertest. Its error wraps [ErrOption], or is the transport's.
func New(ctx context.Context, t transport.Transport, options ...Option) (*Client, error) {
	cfg, err := newConfig(options)
	if err != nil {
		return nil, err
	}
	return open(ctx, t, cfg)
}

func open(ctx context.Context, t transport.Transport, cfg *config) (*Client, error) {
	c := &Client{
		id:        codec.NewClientIDIn(cfg.who.Group),
		group:     cfg.who.Group,
		queue:     cfg.queue,
		logger:    cfg.logger,
		transport: t,
		registry:  newRegistry(),
		callbacks: callbacks{logger: cfg.logger},
		batchers:  map[string]*[3]*batcher{},
		looks:     make(chan struct{}, looks),
		maxValue:  cfg.maxValue,
		observer:  cfg.observer,
		fetches:   make(chan struct{}, fetches),
	}
	c.elsewhere = newBatcher(c, "", Normal)
	c.attached = attachments{watch: c.watch, owners: map[string]*owner{}}
	c.life, c.end = context.WithCancel(context.Background())
	err := t.Open(ctx, c.id, receiver{c})
	if err == nil && !cfg.lookOnly {
		_, err = c.batcher(ctx, c.queue, Normal)
	}
	if err != nil {
		c.end()
		t.Close()
		return nil, err
	}
	return c, nil
}

// ID returns the client's name, the first part of the ids of its tasks.
func (c *Client) ID() string { return c.id }

// Pending returns the number of futures without an outcome.
func (c *Client) Pending() int { return c.registry.pending() + c.attached.pending() }

// Flush waits until the broker has stored every task submitted so far; from
// then on they survive the client, the workers and a restart of the broker. Those that a
// pool.Local has handed to its own processes need not be stored: they end with the
// program, as its broker does. It also waits until the broker has removed the delayed tasks that were cancelled. Its
// error wraps ctx.Err or [ErrClosed].
func (c *Client) Flush(ctx context.Context) error {
	c.mu.Lock()
	batchers := make([]*batcher, 0, len(c.batchers))
	for _, lanes := range c.batchers {
		for _, b := range lanes {
			batchers = append(batchers, b)
		}
	}
	c.mu.Unlock()
	for _, b := range batchers {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	if err := c.undos.pending.wait(ctx); err != nil {
		return fmt.Errorf("producer: waiting for cancelled tasks to be removed: %w%s", err, c.trouble())
	}
	return nil
}

// register assigns p a number and a place in the registry, unless the client is
// stopped.
func (c *Client) register(p *pending) error {
	if c.registry.add(p) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closedError()
}

// batcher returns the batcher of a queue's lane; it makes the queue ready if nobody
// has.
func (c *Client) batcher(ctx context.Context, queue string, lane Lane) (*batcher, error) {
	c.mu.Lock()
	if c.stopped {
		defer c.mu.Unlock()
		return nil, c.closedError()
	}
	lanes := c.batchers[queue]
	c.mu.Unlock()
	if lanes != nil {
		return lanes[lane], nil
	}
	if err := c.transport.Queue(ctx, queue); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.batchers[queue] == nil {
		c.batchers[queue] = &[3]*batcher{newBatcher(c, queue, High), newBatcher(c, queue, Normal), newBatcher(c, queue, Low)}
	}
	return c.batchers[queue][lane], nil
}

// failBatch fails the futures of a batch that was not stored.
func (c *Client) failBatch(data []byte, cause error) {
	var batch codec.Batch
	if err := batch.Decode(data); err != nil {
		c.logger.Error("a batch of this client does not decode", "error", err)
	}
	for i := range batch.Tasks {
		p := c.registry.take(batch.Tasks[i].N)
		switch {
		case p == nil:
		case errors.Is(cause, ErrClosed):
			p.finish(nil, ErrClosed)
		default:
			p.finish(nil, notStored(p.id(), cause))
			c.counters.fail(codeNotStored, 1)
		}
	}
}

// notStored is the error of a task that the transport has refused.
func notStored(id codec.ID, cause error) error {
	if errors.Is(cause, ErrNotStored) {
		return fmt.Errorf("producer: task %s: %w", id, cause)
	}
	return fmt.Errorf("%w: task %s: %w", ErrNotStored, id, cause)
}

// trouble says what is wrong with the connection, as the end of an error, and
// nothing if it stands.
func (c *Client) trouble() string {
	if s := c.transport.Trouble(); s != "" {
		return "; " + s
	}
	return ""
}
