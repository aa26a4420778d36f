package producer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/objects"
	"github.com/musterfleet/muster/internal/transport"
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
	logger *slog.Logger
	nats   []nats.Option

	client    string
	to        transport.Receiver
	nc        *nats.Conn
	js        jetstream.JetStream
	publisher *broker.Publisher
	objects   *objects.Store
	replies   *nats.Subscription
	receiving sync.Mutex // held while a reply is taken
	messages  atomic.Uint64

	life     context.Context // ends with Close
	end      context.CancelFunc
	reunited chan struct{} // has an element after a reconnect
	sweeping sync.WaitGroup
}

func newRemote(url string, cfg *config) *remote {
	r := &remote{url: url, logger: cfg.logger, nats: cfg.nats, reunited: make(chan struct{}, 1)}
	r.life, r.end = context.WithCancel(context.Background())
	return r
}

// Open connects, checks the server and subscribes to replies.
func (r *remote) Open(ctx context.Context, client string, to transport.Receiver) (err error) {
	r.client, r.to = client, to
	r.nc, err = broker.Dial(ctx, r.url, broker.Config{
		Name: "muster client " + client, Logger: r.logger,
		Options: append(r.nats, nats.ReconnectHandler(func(*nats.Conn) { r.reconnected() })),
	})
	if err != nil {
		return err
	}
	r.objects = objects.New(r.nc)
	if r.js, err = broker.Check(ctx, r.nc); err != nil {
		return err
	}
	if err = broker.EnsureShared(ctx, r.js, broker.StreamOptions{}); err != nil {
		return err
	}
	if r.publisher, err = broker.NewPublisher(r.nc); err != nil {
		return err
	}
	if r.replies, err = r.nc.Subscribe(broker.ReplyWildcard(client), r.receive); err != nil {
		return fmt.Errorf("producer: subscribing to replies: %w", err)
	}
	live, err := r.nc.Subscribe(broker.LiveWildcard(client), r.receive)
	if err != nil {
		return fmt.Errorf("producer: subscribing to stored outcomes: %w", err)
	}
	if err = errors.Join(r.replies.SetPendingLimits(-1, maxRepliesPending), live.SetPendingLimits(-1, maxRepliesPending)); err != nil {
		return fmt.Errorf("producer: bounding replies: %w", err)
	}
	if err = r.flush(ctx); err != nil {
		return fmt.Errorf("producer: subscribing to replies: %w", err)
	}
	r.sweeping.Go(r.collectMissed)
	return nil
}

// Queue makes the queue's stream if nobody has.
func (r *remote) Queue(ctx context.Context, queue string) error {
	return broker.EnsureQueue(ctx, r.js, queue, broker.StreamOptions{})
}

// Send publishes a batch under an id of its own, so that it is stored once
// however often it must be sent.
func (r *remote) Send(queue string, batch []byte, stored func(error)) {
	msg := &nats.Msg{
		Subject: broker.TaskSubject(queue, broker.Normal),
		Header:  nats.Header{nats.MsgIdHdr: {r.client + "." + strconv.FormatUint(r.messages.Add(1), 10)}},
		Data:    batch,
	}
	r.publisher.Publish(msg, func(_ uint64, err error) {
		if errors.Is(err, broker.ErrClosed) {
			err = ErrClosed
		}
		stored(err)
	})
}

// Cancel publishes a request to the queue's workers.
func (r *remote) Cancel(queue string, request []byte) error {
	return r.nc.Publish(broker.CancelSubject(queue), request)
}

// MaxPayload is what the server says.
func (r *remote) MaxPayload() int { return int(r.nc.MaxPayload()) }

// Objects is the broker's object store.
func (r *remote) Objects() transport.Objects { return r.objects }

// Trouble tells of a connection that is lost.
func (r *remote) Trouble() string {
	if r.nc.IsConnected() {
		return ""
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

// receive takes a message on a reply subject, or a stored outcome's live copy.
// It runs on the subscriptions' goroutines and does not block.
func (r *remote) receive(msg *nats.Msg) {
	r.receiving.Lock()
	defer r.receiving.Unlock()
	if msg.Subject == broker.StartedSubject(r.client) {
		if err := r.to.Started(msg.Data); err != nil {
			r.logger.Warn("a started notice does not read", "error", err)
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
