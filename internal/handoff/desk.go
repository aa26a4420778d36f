package handoff

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/objects"
)

// ErrClosed is what a hand-off comes to whose desk was closed meanwhile.
var ErrClosed = errors.New("handoff: closed")

// receiptTimeout is how long a client may take for its receipt.
const receiptTimeout = 2 * time.Second

// Desk hands off outcomes. It is safe for concurrent use.
type Desk struct {
	nc        *nats.Conn
	js        jetstream.JetStream
	publisher *broker.Publisher
	objects   *objects.Store
	logger    *slog.Logger
	inbox     string // receipts come to inbox.<token>
	receipts  *nats.Subscription
	timeout   time.Duration
	counter   Counter

	mu       sync.Mutex
	next     uint64
	waiting  map[uint64]*parcel // by token
	suspects suspects
	closed   bool
	wake     chan struct{}   // ticks when something waits again
	life     context.Context // ends with Close
	end      context.CancelFunc
	finished sync.WaitGroup
}

// Counter counts outcomes in safe hands, by the way they went. Its methods are
// called from several goroutines.
type Counter interface {
	HandedDirect(n uint64) // to their client
	HandedStored(n uint64) // to RESULTS
}

// parcel is one message of outcomes on its way to a client.
type parcel struct {
	client   string
	data     []byte
	deadline time.Time
	done     func(error)
}

// New opens a desk over a connection. The publisher stores what clients do not
// take; it stays the caller's. The counter may be nil.
func New(nc *nats.Conn, publisher *broker.Publisher, counter Counter, logger *slog.Logger) (*Desk, error) {
	return open(nc, publisher, counter, logger, receiptTimeout)
}

func open(nc *nats.Conn, publisher *broker.Publisher, counter Counter, logger *slog.Logger, timeout time.Duration) (*Desk, error) {
	d := &Desk{
		nc: nc, publisher: publisher, objects: objects.New(nc, logger), counter: counter, logger: logger,
		inbox: nc.NewInbox(), timeout: timeout,
		waiting: map[uint64]*parcel{},
		wake:    make(chan struct{}, 1),
	}
	var err error
	if d.js, err = jetstream.New(nc); err != nil {
		return nil, fmt.Errorf("handoff: %w", err)
	}
	if d.receipts, err = nc.Subscribe(d.inbox+".*", d.receive); err != nil {
		return nil, fmt.Errorf("handoff: subscribing to receipts: %w", err)
	}
	if err := d.receipts.SetPendingLimits(-1, -1); err != nil { // one small message a parcel
		return nil, fmt.Errorf("handoff: subscribing to receipts: %w", err)
	}
	d.life, d.end = context.WithCancel(context.Background())
	d.finished.Go(d.watch)
	return d, nil
}

// Send hands off a message of outcomes for a client, and calls done once, on a
// goroutine of the desk's or the publisher's, when it is in safe hands: with nil
// when the client has it or RESULTS does, or with an error when neither could
// be had. data belongs to the desk until then.
func (d *Desk) Send(client string, data []byte, done func(error)) {
	p := &parcel{client: client, data: data, deadline: time.Now().Add(d.timeout), done: done}
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		done(ErrClosed)
		return
	}
	token := d.next
	d.next++
	d.waiting[token] = p
	first := len(d.waiting) == 1
	suspect := d.suspects.has(client, time.Now())
	d.mu.Unlock()
	if suspect {
		d.store(token)
		return
	}
	if first {
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
	reply := d.inbox + "." + strconv.FormatUint(token, 36)
	if err := d.nc.PublishRequest(broker.ReplySubject(client), reply, data); err != nil {
		// Not connected: the publisher keeps it until we are.
		d.store(token)
	}
}

// receive takes a receipt, or the server's word that nobody listens.
func (d *Desk) receive(msg *nats.Msg) {
	token, err := strconv.ParseUint(msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:], 36, 64)
	if err != nil {
		return
	}
	if len(msg.Data) == 0 && msg.Header.Get("Status") == "503" {
		d.store(token)
		return
	}
	taken, err := codec.ReadReceipt(msg.Data)
	if err != nil {
		d.logger.Warn("a receipt does not read", "error", err)
		d.store(token)
		return
	}
	if p := d.take(token); p != nil {
		if d.counter != nil && taken > 0 {
			d.counter.HandedDirect(uint64(taken))
		}
		p.done(nil)
	}
}

func (d *Desk) take(token uint64) *parcel {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.waiting[token]
	delete(d.waiting, token)
	return p
}

// store puts each outcome of a parcel into RESULTS.
func (d *Desk) store(token uint64) {
	p := d.take(token)
	if p == nil {
		return
	}
	var outcomes codec.Outcomes
	if err := outcomes.Decode(p.data); err != nil {
		p.done(fmt.Errorf("handoff: storing outcomes: %w", err))
		return
	}
	all := newTally(len(outcomes.List), p.done)
	for i := range outcomes.List {
		d.keep(p.client, &outcomes.List[i], StoredTTL, all.one)
	}
}

// watch stores what has waited too long for its receipt. It ticks only while
// something waits.
func (d *Desk) watch() {
	ticker := time.NewTicker(d.timeout / 4)
	defer ticker.Stop()
	for {
		if d.overdue(time.Now()) {
			select {
			case <-ticker.C:
				continue
			case <-d.life.Done():
				return
			}
		}
		ticker.Stop()
		select {
		case <-d.wake:
			ticker.Reset(d.timeout / 4)
		case <-d.life.Done():
			return
		}
	}
}

// overdue stores what is overdue, and reports whether anything still waits.
func (d *Desk) overdue(now time.Time) bool {
	d.mu.Lock()
	var late []uint64
	for token, p := range d.waiting {
		if now.After(p.deadline) {
			late = append(late, token)
			d.suspects.add(p.client, now)
		}
	}
	d.mu.Unlock()
	for _, token := range late {
		d.store(token)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.waiting) > 0
}

// Close fails what still waits with [ErrClosed] and ends the desk's goroutine.
func (d *Desk) Close() {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return
	}
	d.closed = true
	waiting := d.waiting
	d.waiting = map[uint64]*parcel{}
	d.mu.Unlock()
	d.end()
	d.finished.Wait()
	if err := d.receipts.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		d.logger.Debug("unsubscribing from receipts", "error", err)
	}
	for _, p := range waiting {
		p.done(ErrClosed)
	}
}
