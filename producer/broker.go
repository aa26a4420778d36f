package producer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/objects"
	"github.com/musterfleet/muster/internal/transport"
	"github.com/musterfleet/muster/login"
)

const (
	// maxRepliesPending bounds replies not yet looked at, in bytes. What is
	// dropped beyond it gets no receipt, so it is stored and collected.
	maxRepliesPending = 256 << 20
	flushTimeout      = 2 * time.Second
)

// remote is the transport over NATS: tasks are stored in the queue's stream,
// and outcomes come to the client's reply subject.
type remote struct {
	url    string
	look   bool // create no streams before the first task
	full   FullQueue
	logger *slog.Logger
	who    login.Credentials
	nats   []nats.Option
	host   transport.LocalHost // nil without one

	client    string
	to        transport.Receiver
	nc        *nats.Conn
	js        jetstream.JetStream
	publisher *broker.Publisher
	objects   *objects.Store
	replies   *nats.Subscription
	messages  atomic.Uint64
	results   results

	receiving sync.Mutex // held while a message is taken
	closed    bool       // none is taken any more

	life     context.Context // ends with Close
	end      context.CancelFunc
	reunited chan struct{} // has an element after a reconnect
	sweeping sync.WaitGroup
	swept    uint64 // place in the results stream up to which nothing was missed; the sweeping goroutine's
}

func newRemote(url string, cfg *config) *remote {
	r := &remote{url: url, look: cfg.lookOnly, full: cfg.full, logger: cfg.logger, who: cfg.who, nats: cfg.nats, host: cfg.host, reunited: make(chan struct{}, 1)}
	r.life, r.end = context.WithCancel(context.Background())
	return r
}

// Open connects, checks the server and subscribes to replies.
func (r *remote) Open(ctx context.Context, client string, to transport.Receiver) (err error) {
	r.client, r.to = client, to
	r.nc, err = broker.Connect(ctx, broker.Config{
		URL: r.url, Credentials: r.who, Name: "muster client " + client, Logger: r.logger,
		Options: append(r.nats, nats.ReconnectHandler(func(*nats.Conn) { r.reconnected() })),
	})
	if err != nil {
		return err
	}
	r.objects = objects.New(r.nc, r.logger)
	if r.js, err = broker.Check(ctx, r.nc); err != nil {
		return err
	}
	if !r.look {
		if err = broker.EnsureShared(ctx, r.js, broker.StreamOptions{}); err != nil {
			return err
		}
	}
	r.results = results{r}
	if r.publisher, err = broker.NewPublisher(r.nc); err != nil {
		return err
	}
	r.publisher.LogTo(r.logger)
	if r.replies, err = r.nc.Subscribe(broker.ReplyWildcard(client), r.receive); err != nil {
		return fmt.Errorf("producer: subscribing to replies: %w", err)
	}
	live, err := r.nc.Subscribe(broker.LiveWildcard(client), r.receiveKept)
	if err != nil {
		return fmt.Errorf("producer: subscribing to stored outcomes: %w", err)
	}
	if err = errors.Join(r.replies.SetPendingLimits(-1, maxRepliesPending), live.SetPendingLimits(-1, maxRepliesPending)); err != nil {
		return fmt.Errorf("producer: bounding replies: %w", err)
	}
	if err = broker.Admitted(ctx, r.nc); err != nil {
		return fmt.Errorf("producer: listening for replies: %w", err)
	}
	r.sweeping.Go(r.collectMissed)
	if r.host != nil {
		r.host.Attach(client, r.direct)
	}
	return nil
}

// Queue makes the queue's stream if nobody has.
func (r *remote) Queue(ctx context.Context, queue string) error {
	if r.look {
		if err := broker.EnsureShared(ctx, r.js, broker.StreamOptions{}); err != nil {
			return err
		}
	}
	return broker.EnsureQueue(ctx, r.js, queue, broker.StreamOptions{})
}

// MaxPayload is what the server says.
func (r *remote) MaxPayload() int { return int(r.nc.MaxPayload()) }

// Objects is the broker's object store.
func (r *remote) Objects() transport.Objects { return r.objects }

// Trouble tells of a connection that is lost, and of a permission that is lacking.
func (r *remote) Trouble() string {
	if r.nc.IsConnected() {
		return broker.Refusal(r.nc)
	}
	s := "the broker cannot be reached"
	if err := r.nc.LastError(); err != nil {
		s += ": " + err.Error()
	}
	return s
}

// Close disconnects, with the last receipts sent if the broker can be reached.
func (r *remote) Close() {
	r.end()
	r.sweeping.Wait()
	if r.publisher != nil {
		r.publisher.Close()
	}
	if r.nc == nil {
		return
	}
	if r.nc.IsConnected() {
		if r.replies != nil {
			r.drain()
		}
		if err := r.flush(context.Background()); err != nil {
			r.logger.Debug("flushing at close", "error", err)
		}
	}
	r.receiving.Lock()
	defer r.receiving.Unlock()
	r.closed = true
	r.nc.Close()
}

// drain ends the subscription to replies. What is on its way still gets its
// receipt: else its worker would wait for that.
func (r *remote) drain() {
	drained := make(chan struct{})
	r.replies.SetClosedHandler(func(string) { close(drained) })
	if err := r.replies.Drain(); err != nil {
		r.logger.Debug("unsubscribing at close", "error", err)
		return
	}
	timer := time.NewTimer(flushTimeout)
	defer timer.Stop()
	select {
	case <-drained:
	case <-timer.C:
	}
}

// flush waits until the broker has seen what the connection sent.
func (r *remote) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	return r.nc.FlushWithContext(ctx)
}

// receive takes a message on a reply subject. It runs on the subscription's one
// goroutine and does not block.
func (r *remote) receive(msg *nats.Msg) {
	r.receiving.Lock()
	defer r.receiving.Unlock()
	if r.closed {
		return
	}
	switch msg.Subject {
	case broker.StartedSubject(r.client):
		if err := r.to.Started(msg.Data); err != nil {
			r.logger.Warn("a started notice does not read", "error", err)
		}
		return
	case broker.RunningSubject(r.client):
		if err := r.to.Running(msg.Data); err != nil {
			r.logger.Warn("an answer to a cancel request does not read", "error", err)
		}
		return
	case broker.ProgressSubject(r.client):
		if err := r.to.Progress(msg.Data); err != nil {
			r.logger.Warn("a progress report does not read", "error", err)
		}
		return
	}
	taken, err := r.to.Outcomes(msg.Data)
	if err != nil {
		r.logger.Warn("a reply does not read", "subject", msg.Subject, "error", err)
		return
	}
	if msg.Reply != "" {
		if err := msg.Respond(codec.AppendReceipt(nil, taken)); err != nil {
			r.logger.Debug("a receipt could not be sent", "error", err)
		}
	}
}

// direct takes a message of outcomes from the local host.
func (r *remote) direct(data []byte) (int, error) {
	r.receiving.Lock()
	defer r.receiving.Unlock()
	if r.closed {
		return 0, ErrClosed
	}
	return r.to.Outcomes(data)
}

// receiveKept takes the live copy of an outcome that was stored. It runs on the
// subscriptions' goroutines and does not block.
func (r *remote) receiveKept(msg *nats.Msg) {
	r.receiving.Lock()
	defer r.receiving.Unlock()
	if r.closed {
		return
	}
	r.kept(msg.Subject, msg.Data)
}

// kept passes on an outcome that was stored.
func (r *remote) kept(subject string, data []byte) {
	if err := r.to.Kept(data); err != nil {
		r.logger.Warn("a stored outcome does not read", "subject", subject, "error", err)
	}
}
