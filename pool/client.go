package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/internal/relay"
	"github.com/musterfleet/muster/internal/transport"
	"github.com/musterfleet/muster/producer"
)

// clientAccess answers a process whose handler asks for a client. The order comes with a
// socket, unless there is an error or the host forbids clients.
type clientAccess struct {
	Group       string `json:"group,omitempty"`
	InboxPrefix string `json:"inbox_prefix,omitempty"`
	Forbidden   bool   `json:"forbidden,omitempty"`
	Error       string `json:"error,omitempty"`
}

// connectClient answers a process whose handler asks for a client.
func (s *Supervisor) connectClient(p *process) {
	access := clientAccess{
		Group: s.cfg.Credentials.Group, InboxPrefix: s.cfg.Credentials.InboxPrefix, Forbidden: s.cfg.ForbidClient,
	}
	var theirs *os.File
	if !access.Forbidden {
		p.mu.Lock()
		before := p.client
		p.mu.Unlock()
		if before != nil && !before.Ended() && !before.Greeted() {
			return // it has, or will have, a socket that it has not used
		}
		var c *relay.Conn
		var err error
		if c, theirs, err = s.relay(); err != nil {
			access.Error = err.Error()
		}
		p.mu.Lock()
		p.client = c
		p.mu.Unlock()
		if before != nil {
			before.Close()
		}
	}
	p.orderWith(theirs, order{Client: &access})
}

// relay makes a connection to the broker for a process, and returns the process's end.
func (s *Supervisor) relay() (*relay.Conn, *os.File, error) {
	ours, theirs, err := proc.SocketPair()
	if err != nil {
		return nil, nil, err
	}
	c, err := relay.Serve(relay.Config{
		Broker: s.nc, Logger: s.cfg.Logger, MayPublish: broker.ClientMayPublish,
		MaySubscribe: func(subject string) bool { return broker.ClientMaySubscribe(subject, s.cfg.Credentials) },
	}, ours)
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return c, theirs, nil
}

// refused tells the clients of processes what the broker does not permit.
func (s *Supervisor) refused(subject string) {
	for _, p := range s.processes() {
		p.mu.Lock()
		c := p.client
		p.mu.Unlock()
		if c != nil {
			c.Refused(subject)
		}
	}
}

// accessTimeout bounds how long the supervisor may take to connect a client.
const accessTimeout = 5 * time.Second

// inside is the worker process's own client, made when a handler first asks.
var inside taskClient

type taskClient struct {
	mu     sync.Mutex // held while the client is made
	queue  string
	ask    func()      // asks the supervisor for access; nil outside of a worker process
	access chan access // its answer
	client *producer.Client
}

// access is the supervisor's answer, with the socket that came with it, nil for none.
type access struct {
	clientAccess
	socket *os.File
}

func (c *taskClient) open(queue string, ask func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue, c.ask, c.access = queue, ask, make(chan access, 1)
}

// answer takes the supervisor's answer.
func (c *taskClient) answer(a access) {
	select {
	case c.access <- a:
		return
	default: // there is one that nobody has taken
	}
	if a.socket != nil {
		_ = a.socket.Close() // nothing was sent over it
	}
}

// dial has the supervisor connect the process to the broker.
func (c *taskClient) dial(ctx context.Context) (net.Conn, clientAccess, error) {
	ctx, cancel := context.WithTimeout(ctx, accessTimeout)
	defer cancel()
	c.ask()
	var a access
	select {
	case a = <-c.access:
	case <-ctx.Done():
		return nil, a.clientAccess, fmt.Errorf("pool: asking the supervisor for a connection: %w", context.Cause(ctx))
	}
	switch {
	case a.Forbidden:
		return nil, a.clientAccess, ErrClientForbidden
	case a.socket == nil:
		return nil, a.clientAccess, fmt.Errorf("pool: the supervisor has no connection for a client: %s", a.Error)
	}
	conn, err := proc.FileConn(a.socket)
	return conn, a.clientAccess, err
}

func (c *taskClient) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == nil {
		return nil
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.client.Close(ended); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// connect makes the client; c.mu is held.
func (c *taskClient) connect(ctx context.Context, options []producer.Option) error {
	first, host, err := c.dial(ctx)
	if err != nil {
		return err
	}
	supervisor := transport.Supervisor{Group: host.Group, InboxPrefix: host.InboxPrefix}
	supervisor.Dial = func(string, string) (net.Conn, error) {
		if conn := first; conn != nil {
			first = nil
			return conn, nil
		}
		conn, _, err := c.dial(context.Background())
		return conn, err
	}
	options = append(options, producer.WithQueue(c.queue), producer.WithSupervisor(supervisor))
	c.client, err = producer.Connect(ctx, "", options...)
	if err != nil && first != nil {
		err = errors.Join(err, first.Close())
	}
	return err
}

// Client returns a client for calls from inside a task, for the broker and queue that the
// worker process serves. The process has no connection to the broker of its own: the
// client reaches it by way of the supervisor, over the host's connection, and can do what
// a client of the host's user and group can.
//
// The client is made at the first call and belongs to the process: do not close it; the
// options are those of the first call. Submit and wait with the handler's context: then a
// handler that waits frees its slot for the while, so that tasks that call tasks do not
// block each other, and calls nested deeper than 10 fail with codec.ErrDepth.
//
// The error wraps [ErrNotInside] outside of tasks and [ErrClientForbidden] where
// [Config.ForbidClient] is set, or is that of producer.Connect. Client is safe for
// concurrent use.
func Client(ctx context.Context, options ...producer.Option) (*producer.Client, error) {
	if _, ok := consumer.Task(ctx); !ok {
		return nil, ErrNotInside
	}
	inside.mu.Lock()
	defer inside.mu.Unlock()
	if inside.ask == nil {
		return nil, ErrNotInside
	}
	if inside.client == nil {
		if err := inside.connect(ctx, options); err != nil {
			return nil, fmt.Errorf("pool: connecting from inside a task: %w", err)
		}
	}
	return inside.client, nil
}
