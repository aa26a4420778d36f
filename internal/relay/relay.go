// Package relay lets worker processes use the broker over the connection of their host.
// A process has one end of a socket pair, at which it finds a NATS server: a connection
// of nats.go needs nothing else, and no credentials. The relay is the other end. It
// publishes and subscribes for the process what [Config] permits.
package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/recent"
)

const (
	// writeTimeout is how long a process may take to read.
	writeTimeout = 10 * time.Second
	// flushTimeout bounds the answer to a ping, for which the broker answers one.
	flushTimeout = 10 * time.Second
	// maxSubscriptions bounds those of one process.
	maxSubscriptions = 1024
	// maxAnswers bounds the messages that a process may still answer, the latest ones.
	maxAnswers = 4096
	// maxPublished bounds the subjects that the broker's refusals are matched with, the
	// latest ones that a process has published to.
	maxPublished = 1024
)

// ErrAway is wrapped by the error of Serve while the host's connection is lost.
var ErrAway = errors.New("relay: the host is not connected to the broker")

var (
	errClosed = errors.New("relay: closed")
	errSlow   = errors.New("relay: the process does not read what it has subscribed to")
)

// Config says over which connection a relay works, and what it permits.
type Config struct {
	Broker *nats.Conn
	// MayPublish and MaySubscribe report whether a process may use a subject. It may
	// also publish to the reply subjects of the messages that it has received, once each.
	MayPublish, MaySubscribe func(subject string) bool
	Logger                   *slog.Logger
}

// Conn is the relay's end of one process's connection. It is safe for concurrent use.
type Conn struct {
	Config
	socket    net.Conn
	in        *reader
	lastError error // of the connection to the broker, as read saw it
	out       output
	greeted   atomic.Bool
	status    chan nats.Status // of the connection to the broker, once it is lost
	done      chan struct{}    // closed when the relay ends
	ending    sync.Once

	mu        sync.Mutex // nothing else is taken under it
	subs      map[string]*nats.Subscription
	answers   recent.Set[string] // reply subjects that the process may publish to
	published recent.Set[string] // subjects
}

// Serve relays for the process at the other end of a socket, which then belongs to the
// relay, until the socket is closed, the process does not keep to the protocol or does
// not read, or the connection to the broker is lost. It returns at once.
func Serve(cfg Config, socket net.Conn) (*Conn, error) {
	c := &Conn{
		Config: cfg, socket: socket, in: newReader(socket, cfg.Broker.MaxPayload()),
		out: output{wake: make(chan struct{}, 1)}, done: make(chan struct{}),
		status: cfg.Broker.StatusChanged(nats.RECONNECTING, nats.CLOSED),
		subs:   map[string]*nats.Subscription{}, lastError: cfg.Broker.LastError(), answers: recent.NewSet[string](maxAnswers), published: recent.NewSet[string](maxPublished),
	}
	if !cfg.Broker.IsConnected() { // not before its status is followed
		cfg.Broker.RemoveStatusListener(c.status)
		return nil, errors.Join(ErrAway, socket.Close())
	}
	c.out.add(func(dst []byte) []byte { return append(dst, c.info()...) })
	go c.read()
	go c.write()
	go c.watch()
	return c, nil
}

// info is what a NATS server says first: as much as a client needs to know of the one
// behind the relay.
func (c *Conn) info() string {
	info, err := json.Marshal(map[string]any{
		"server_id": c.Broker.ConnectedServerId(), "server_name": c.Broker.ConnectedServerName(),
		"version": c.Broker.ConnectedServerVersion(), "cluster": c.Broker.ConnectedClusterName(),
		"headers": true, "jetstream": true, "proto": 1, "max_payload": c.Broker.MaxPayload(),
	})
	if err != nil {
		panic(err) // no field of it can fail
	}
	return "INFO " + string(info) + "\r\n"
}

// Greeted reports whether the process has used its connection.
func (c *Conn) Greeted() bool { return c.greeted.Load() }

// Ended reports whether the relay has ended.
func (c *Conn) Ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Close ends the relay. It does not wait until nothing of it is left.
func (c *Conn) Close() { c.end(errClosed) }

// end begins to end the relay. The first cause is the one that counts.
func (c *Conn) end(cause error) {
	c.ending.Do(func() {
		c.Logger.Debug("a worker process's client is disconnected", "cause", cause)
		close(c.done)
		_ = c.socket.Close() // it holds nothing that could be lost
	})
}

// watch ends the relay when the connection to the broker is lost: what the process hears
// by it is not all any more, and a client that connects again asks for what it has missed.
func (c *Conn) watch() {
	defer c.Broker.RemoveStatusListener(c.status)
	select {
	case <-c.status:
		c.end(ErrAway)
	case <-c.done:
	}
}

// read takes what the process sends, until the relay ends.
func (c *Conn) read() {
	var err error
	for err == nil {
		var cmd command
		if cmd, err = c.in.next(); err == nil {
			c.greeted.Store(true)
			err = c.obey(cmd)
		}
	}
	if refusal := (*refusedError)(nil); errors.As(err, &refusal) {
		c.refuse(refusal.text)
		c.out.finish()
		select { // the process is told why
		case <-c.done:
		case <-time.After(writeTimeout):
		}
	}
	c.end(err)
	c.mu.Lock()
	subs := make([]*nats.Subscription, 0, len(c.subs))
	for _, sub := range c.subs {
		subs = append(subs, sub)
	}
	c.mu.Unlock()
	for _, sub := range subs {
		if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
			c.Logger.Debug("unsubscribing for a worker process", "subject", sub.Subject, "error", err)
		}
	}
}

// refusedError ends a relay with a word to the process.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return "relay: " + e.text }

// obey does what a command says.
func (c *Conn) obey(cmd command) error {
	switch cmd.verb {
	case verbPublish:
		return c.publish(cmd)
	case verbSubscribe:
		return c.subscribe(cmd)
	case verbUnsubscribe:
		return c.unsubscribe(cmd)
	case verbPing:
		return c.pong()
	}
	return nil
}

func (c *Conn) publish(cmd command) error {
	c.mu.Lock()
	c.published.Add(cmd.subject)
	answers := c.answers.Remove(cmd.subject)
	c.mu.Unlock()
	if !answers && !c.MayPublish(cmd.subject) {
		c.refuse(noPublication(cmd.subject))
		return nil
	}
	msg := &nats.Msg{Subject: cmd.subject, Reply: cmd.reply, Header: cmd.header, Data: cmd.data}
	if err := c.Broker.PublishMsg(msg); err != nil {
		return fmt.Errorf("relay: publishing: %w", err)
	}
	return nil
}

func (c *Conn) subscribe(cmd command) error {
	if !c.MaySubscribe(cmd.subject) {
		c.refuse(noSubscription(cmd.subject))
		return nil
	}
	c.mu.Lock()
	n, again := len(c.subs), c.subs[cmd.sid] != nil
	c.mu.Unlock()
	switch {
	case again:
		return nil // as a server takes it
	case n >= maxSubscriptions:
		return &refusedError{"maximum subscriptions exceeded"}
	}
	sid := cmd.sid
	sub, err := c.Broker.QueueSubscribe(cmd.subject, cmd.queue, func(msg *nats.Msg) { c.deliver(sid, msg) })
	if err != nil {
		return fmt.Errorf("relay: subscribing: %w", err)
	}
	c.mu.Lock()
	c.subs[sid] = sub
	c.mu.Unlock()
	sub.SetClosedHandler(func(string) { // by its own limit, or drained
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.subs[sid] == sub {
			delete(c.subs, sid)
		}
	})
	return nil
}

// unsubscribe ends a subscription, after so many messages if the process says so. What
// the broker has sent before still arrives.
func (c *Conn) unsubscribe(cmd command) error {
	c.mu.Lock()
	sub := c.subs[cmd.sid]
	c.mu.Unlock()
	if sub == nil {
		return nil
	}
	err := sub.Drain
	if cmd.max > 0 {
		err = func() error { return sub.AutoUnsubscribe(cmd.max) }
	}
	if err := err(); err != nil && !errors.Is(err, nats.ErrBadSubscription) {
		return fmt.Errorf("relay: unsubscribing: %w", err)
	}
	return nil
}

// pong answers a ping when the broker has taken all that the process has sent, and the
// process has all that the broker had sent by then, as a server does.
func (c *Conn) pong() error {
	err := c.Broker.FlushTimeout(flushTimeout)
	if last := c.Broker.LastError(); last != c.lastError { // Refused may be called later
		c.lastError = last
		if subject, ok := broker.RefusedSubject(last); ok {
			c.Refused(subject)
		}
	}
	if err == nil {
		err = c.Broker.Barrier(func() {
			c.out.add(func(dst []byte) []byte { return append(dst, "PONG\r\n"...) })
		})
	}
	if err != nil {
		return fmt.Errorf("relay: answering a ping: %w", err)
	}
	return nil
}

// deliver passes on a message to the process. It does not wait for it.
func (c *Conn) deliver(sid string, msg *nats.Msg) {
	if msg.Reply != "" {
		c.mu.Lock()
		c.answers.Add(msg.Reply)
		c.mu.Unlock()
	}
	if !c.out.add(func(dst []byte) []byte { return appendMessage(dst, sid, msg) }) {
		c.end(errSlow)
	}
}

// refuse tells the process that something is not permitted, or why its connection ends.
func (c *Conn) refuse(text string) {
	c.out.add(func(dst []byte) []byte { return append(append(append(dst, "-ERR '"...), text...), "'\r\n"...) })
}

// Refused takes the broker's word that the host's user may not publish, or subscribe, to
// a subject, and passes it on if it concerns the process.
func (c *Conn) Refused(subject string) {
	c.mu.Lock()
	published, subscribed := c.published.Has(subject), false
	for _, sub := range c.subs {
		subscribed = subscribed || sub.Subject == subject
	}
	c.mu.Unlock()
	switch {
	case subscribed:
		c.refuse(noSubscription(subject))
	case published:
		c.refuse(noPublication(subject))
	}
}

// The words of a NATS server, which clients look for.
func noPublication(subject string) string {
	return fmt.Sprintf("Permissions Violation for Publish to %q", subject)
}

func noSubscription(subject string) string {
	return fmt.Sprintf("Permissions Violation for Subscription to %q", subject)
}

// write sends the process what there is for it, until the relay ends.
func (c *Conn) write() {
	for {
		select {
		case <-c.out.wake:
		case <-c.done:
			return
		}
		data, last := c.out.take()
		err := c.socket.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err == nil {
			_, err = c.socket.Write(data)
		}
		if err == nil && last {
			err = io.EOF
		}
		if err != nil {
			c.end(err)
			return
		}
	}
}
