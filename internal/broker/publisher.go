package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// timing is a publisher's clockwork; tests shorten it.
type timing struct {
	ack      time.Duration // how long the first send waits for an answer; doubles to four times that
	noStream time.Duration // how long "no responders" may be the only answer
	retry    time.Duration // at most, from an answer that settles nothing to the next send
	scan     time.Duration // how often the table is searched for what is due
}

var defaultTiming = timing{
	ack:      2 * time.Second,
	noStream: leaderTimeout, // nobody answers for a stream without a leader either
	retry:    250 * time.Millisecond,
	scan:     100 * time.Millisecond,
}

// Publisher stores messages in streams without waiting for each
// acknowledgement. It has one subscription, one timer and one goroutine for
// any number of messages in flight. It is safe for concurrent use.
type Publisher struct {
	nc     *nats.Conn
	sub    *nats.Subscription
	status chan nats.Status
	logger *slog.Logger // hears that nothing is acknowledged; nil: nobody
	prefix string       // of reply subjects; the flight's token follows
	timing timing
	timer  *time.Timer

	settling sync.Mutex // held while flights are settled, so that calls of done never overlap; taken before mu

	mu       sync.Mutex
	flights  flights
	rejected []rejection // what the client library would not send
	ticking  bool        // the timer is set
	told     time.Time   // when it was last logged that nothing is acknowledged
	closed   bool

	wake     chan struct{} // there are rejections
	stop     func()        // closes stopping
	stopping chan struct{}
	stopped  chan struct{} // the goroutine has ended
	deaf     chan struct{} // the subscription's goroutine has ended
}

const (
	// silentSends is how many sends of a message without an answer are silence: with
	// the usual timing the third is after some six seconds.
	silentSends = 3
	// silenceInterval is how often that is logged, at most.
	silenceInterval = time.Minute
)

type rejection struct {
	token uint64
	err   error
}

// NewPublisher returns a publisher on a connection that it does not own.
func NewPublisher(nc *nats.Conn) (*Publisher, error) { return newPublisher(nc, defaultTiming) }

// LogTo has the publisher log to logger when the broker, though connected, does not
// acknowledge what it is sent: once a minute at most. It is called before the first
// Publish.
func (p *Publisher) LogTo(logger *slog.Logger) { p.logger = logger }

func newPublisher(nc *nats.Conn, t timing) (*Publisher, error) {
	p := &Publisher{
		nc:       nc,
		prefix:   nc.NewInbox() + ".",
		timing:   t,
		timer:    time.NewTimer(t.scan),
		ticking:  true,
		wake:     make(chan struct{}, 1),
		stopping: make(chan struct{}),
		stopped:  make(chan struct{}),
		deaf:     make(chan struct{}),
	}
	p.stop = sync.OnceFunc(func() { close(p.stopping) })
	if err := p.subscribe(); err != nil {
		p.timer.Stop()
		return nil, fmt.Errorf("subscribing to acknowledgements: %w", err)
	}
	p.status = nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	go p.run()
	return p, nil
}

func (p *Publisher) subscribe() (err error) {
	if p.sub, err = p.nc.Subscribe(p.prefix+"*", p.answer); err != nil {
		return err
	}
	p.sub.SetClosedHandler(func(string) { close(p.deaf) })
	// A dropped acknowledgement would be a message sent twice.
	return p.sub.SetPendingLimits(-1, -1)
}

// Publish sends a message and calls done exactly once: with the stream's
// sequence when a stream has stored it, be it as a duplicate; with an error
// when it never will be: [ErrWrongLastSequence], [ErrNoStream],
// [ErrStreamFull], [ErrTooLarge], an error of the JetStream API or of the
// client library; or with [ErrClosed] when its fate will not be known.
//
// A message without an answer is sent again until it has one: after two
// seconds, then less often, and at once when the broker is back from having
// been away. So that it is stored once all the same, it should carry a
// Nats-Msg-Id, or expect a last sequence. Until done is called the message
// belongs to the publisher, which sets its reply subject.
//
// Publish waits for no answer, and stores no copy; how much may be in flight is
// the caller's to bound. Messages are first sent in the order of the calls.
// Calls of done never overlap, and come from a goroutine of the publisher,
// never from Publish itself: done may call Publish, but must not wait, nor
// call Close.
func (p *Publisher) Publish(msg *nats.Msg, done func(seq uint64, err error)) {
	p.publish(msg, false, done)
}

// PublishPatiently is [Publisher.Publish] for a message that waits while the
// stream is full: it is sent again every 100 to 250 ms until there is room,
// and does not fail with [ErrStreamFull]. One that is larger than the
// stream may ever be waits until the publisher is closed.
func (p *Publisher) PublishPatiently(msg *nats.Msg, done func(seq uint64, err error)) {
	p.publish(msg, true, done)
}

func (p *Publisher) publish(msg *nats.Msg, patient bool, done func(seq uint64, err error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		go done(0, ErrClosed)
		return
	}
	token, f := p.flights.add(msg, done)
	f.patient = patient
	var reply [64]byte
	msg.Reply = string(strconv.AppendUint(append(reply[:0], p.prefix...), token, 36))
	if !p.ticking {
		p.ticking = true
		p.timer.Reset(p.timing.scan)
	}
	p.send(token, f, time.Now())
}

// Close gives up what is in flight with [ErrClosed], and returns when done has
// been called for all of it and the publisher's goroutines have ended. It may
// be called more than once.
func (p *Publisher) Close() {
	p.stop()
	<-p.stopped
	<-p.deaf
}

// send is called with mu held. That costs nothing, since the connection has a
// lock of its own, and while it is held no answer can hand the message back to
// its owner.
func (p *Publisher) send(token uint64, f *flight, now time.Time) {
	wait := p.timing.ack << min(f.sends, 2)
	f.due = now.Add(wait + rand.N(wait/4+1))
	f.sends++
	if err := rejected(p.nc.PublishMsg(f.msg)); err != nil {
		p.rejected = append(p.rejected, rejection{token, err})
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

// rejected returns nil for what sending again may mend.
func rejected(err error) error {
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining):
		return fmt.Errorf("%w: %w", ErrClosed, err)
	case errors.Is(err, nats.ErrBadSubject), errors.Is(err, nats.ErrBadHeaderMsg), errors.Is(err, nats.ErrHeadersNotSupported):
		return err
	}
	return nil
}

// answer is called by the subscription.
func (p *Publisher) answer(m *nats.Msg) {
	token, err := strconv.ParseUint(m.Subject[len(p.prefix):], 36, 64)
	if err != nil {
		return
	}
	v, seq, err := readPubAck(m)
	switch v {
	case noStream, tryAgain, full:
		if err = p.postpone(token, v, err); err == nil {
			return
		}
	}
	p.settling.Lock()
	defer p.settling.Unlock()
	p.settle(token, seq, err)
}

// postpone sets a flight up for another send soon. It returns [ErrNoStream]
// if it has had no other answer for too long, and cause if the stream is full
// and the flight not patient.
func (p *Publisher) postpone(token uint64, v verdict, cause error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.flights.get(token)
	if f == nil {
		return nil
	}
	now := time.Now()
	switch {
	case v == full && !f.patient:
		return cause
	case v != noStream:
		f.noStream = time.Time{}
	case f.noStream.IsZero():
		f.noStream = now
	case now.Sub(f.noStream) >= p.timing.noStream:
		return fmt.Errorf("%w %s, for %s now: create it, or check the queue's name", ErrNoStream, f.msg.Subject, p.timing.noStream)
	}
	f.sends = 0
	f.due = now.Add(p.timing.retry*2/5 + rand.N(p.timing.retry*3/5))
	return nil
}

// settle is called with settling held and without mu. A flight that has landed
// is left alone: answers come twice when a message was sent twice.
func (p *Publisher) settle(token, seq uint64, err error) {
	p.mu.Lock()
	done, ok := p.flights.remove(token)
	p.mu.Unlock()
	if ok {
		done(seq, err)
	}
}

func (p *Publisher) run() {
	defer close(p.stopped)
	for {
		select {
		case <-p.timer.C:
			p.resendDue()
		case status := <-p.status:
			if status == nats.CLOSED {
				p.giveUp()
			} else {
				p.resendAll()
			}
		case <-p.wake:
			p.settleRejected()
		case <-p.stopping:
			p.timer.Stop()
			p.nc.RemoveStatusListener(p.status)
			_ = p.sub.Unsubscribe() // fails only when the connection has closed it
			p.giveUp()
			return
		}
	}
}

// resendDue sends what has waited long enough. While the broker is away it
// leaves everything to [Publisher.resendAll].
func (p *Publisher) resendDue() {
	if p.resend() && p.logger != nil {
		p.logger.Warn("the broker does not acknowledge what it is sent; trying on. Is its disk full, or its store directory gone? muster doctor tells")
	}
}

// resend reports whether to log that nothing is acknowledged.
func (p *Publisher) resend() (silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.nc.IsConnected() {
		now := time.Now()
		for token, f := range p.flights.all {
			if now.Before(f.due) {
				continue
			}
			if f.sends > 0 { // silence is an answer too
				f.noStream = time.Time{}
			}
			p.send(token, f, now)
			if f.sends == silentSends && now.Sub(p.told) >= silenceInterval {
				p.told, silent = now, true
			}
		}
	}
	if p.ticking = p.flights.len() > 0; p.ticking {
		p.timer.Reset(p.timing.scan)
	}
	return silent
}

// resendAll is for a new connection: what the old one carried may be lost, in
// either direction.
func (p *Publisher) resendAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for token, f := range p.flights.all {
		f.sends, f.noStream = 0, time.Time{}
		p.send(token, f, now)
	}
}

func (p *Publisher) settleRejected() {
	p.settling.Lock()
	defer p.settling.Unlock()
	p.mu.Lock()
	rejected := p.rejected
	p.rejected = nil
	p.mu.Unlock()
	for _, r := range rejected {
		p.settle(r.token, 0, r.err)
	}
}

// giveUp ends every flight, and the publisher's use.
func (p *Publisher) giveUp() {
	p.settling.Lock()
	defer p.settling.Unlock()
	p.mu.Lock()
	p.closed = true
	var tokens []uint64
	for token := range p.flights.all {
		tokens = append(tokens, token)
	}
	p.mu.Unlock()
	for _, token := range tokens {
		p.settle(token, 0, ErrClosed)
	}
}
