package pool

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/internal/broker"
)

const (
	// pullExpiry is shorter than a lease, so that the pulls of a host that has
	// vanished have ended when its leases do: else it would be given its tasks
	// again. It also makes heartbeats needless, since the server tells of the end.
	pullExpiry = broker.Lease - time.Second
	// pullSilence is how long a standing pull may be silent before it counts as
	// lost: the server drops pulls without a word when a limit is reached, and
	// a leader that dies takes them along.
	pullSilence = pullExpiry + time.Second
	pullCheck   = 500 * time.Millisecond
	// drainTimeout bounds how long closing waits for the server.
	drainTimeout = time.Second
	// minAsk is how many more deliveries are asked for while others are on their way, or
	// half of what is wanted: a pull for each would cost as much as the delivery.
	minAsk = 8
	// maxAhead bounds the deliveries of a lane that are asked for at a time.
	maxAhead = 256
)

// puller keeps a standing pull on the consumer of one of the queue's lanes, for all
// processes of a host, over
// one long-lived subscription. It asks for as many deliveries as demand says, no
// more.
type puller struct {
	nc      *nats.Conn
	subject string // of pull requests
	logger  *slog.Logger
	demand  func() int
	receive func(*nats.Msg, broker.AckInfo)

	mu     sync.Mutex
	sub    *nats.Subscription
	inbox  string
	asked  int       // deliveries asked for that have not come
	lively bool      // a delivery has come since a pull last expired
	behind bool      // more waits in the lane, by what was last heard of it
	heard  time.Time // when the server last said anything to our pulls
	failed bool      // the last pull was refused: wait for the next check
	closed bool
}

func newPuller(nc *nats.Conn, queue string, lane broker.Lane, logger *slog.Logger, demand func() int,
	receive func(*nats.Msg, broker.AckInfo)) *puller {
	return &puller{
		nc: nc, logger: logger, demand: demand, receive: receive,
		subject: fmt.Sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", broker.TaskStream(queue), broker.WorkersConsumer(lane)),
	}
}

// open subscribes, in place of a subscription that it has. What the server
// sends to the old one has no taker then, and goes back to the queue at once.
func (p *puller) open() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	if p.sub != nil {
		p.drain()
	}
	p.inbox, p.asked, p.failed, p.heard = p.nc.NewInbox(), 0, false, time.Now()
	sub, err := p.nc.Subscribe(p.inbox, p.take)
	if err != nil {
		return fmt.Errorf("pool: subscribing to deliveries: %w", err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil { // bounded by what we ask for
		return fmt.Errorf("pool: subscribing to deliveries: %w", err)
	}
	p.sub = sub
	return nil
}

// ask pulls as much as is wanted and not yet asked for.
func (p *puller) ask() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.failed {
		return
	}
	want := p.demand()
	n := want - p.asked
	if !p.lively {
		// What comes while the processes are busy with another lane's must go back.
		n = min(n, 1-p.asked)
	}
	if n <= 0 || p.asked > 0 && n < min(minAsk, (want+1)/2) {
		return
	}
	request := `{"batch":` + strconv.Itoa(n) +
		`,"expires":` + strconv.FormatInt(int64(pullExpiry), 10) + `}`
	if err := p.nc.PublishRequest(p.subject, p.inbox, []byte(request)); err != nil {
		p.failed = true
		p.logger.Debug("pulling", "error", err)
		return
	}
	p.asked += n
	p.heard = time.Now()
}

// take takes a delivery, or the server's word on a pull.
func (p *puller) take(msg *nats.Msg) {
	p.mu.Lock()
	p.heard = time.Now()
	status := ""
	// What came from a stream asks for an answer, whatever its headers say.
	if msg.Reply == "" && len(msg.Header) > 0 && len(msg.Data) == 0 {
		status = msg.Header.Get("Status")
	}
	info := broker.AckInfo{}
	if status == "" {
		info, _ = broker.ParseAck(msg.Reply) // zero for what no stream has sent
		p.asked, p.lively, p.behind = max(p.asked-1, 0), true, info.Pending > 0
	} else {
		p.status(status, msg)
	}
	p.mu.Unlock()
	if status == "" {
		p.receive(msg, info)
	} else {
		p.ask()
	}
}

// status takes the server's word on a pull; p.mu is held.
func (p *puller) status(status string, msg *nats.Msg) {
	switch status {
	case "408": // expired: what is left of it, it will not send
		left, err := strconv.Atoi(msg.Header.Get("Nats-Pending-Messages"))
		if err != nil {
			left = p.asked
		}
		p.asked, p.lively, p.behind = max(p.asked-left, 0), false, false
	case "503": // no leader at the moment
		p.asked, p.failed = 0, true
	default:
		p.asked, p.failed = 0, true
		description := msg.Header.Get("Description")
		if !strings.Contains(description, "Leadership Change") {
			p.logger.Warn("the broker refused a pull; will try again", "status", status, "description", description)
		}
	}
}

// watch asks again when a pull was refused, lost or silent, until ctx ends.
func (p *puller) watch(ctx context.Context) {
	status := p.nc.StatusChanged(nats.CONNECTED)
	defer p.nc.RemoveStatusListener(status)
	ticker := time.NewTicker(pullCheck)
	defer ticker.Stop()
	for {
		reopen := false
		select {
		case <-ctx.Done():
			return
		case _, ok := <-status:
			reopen = ok
		case <-ticker.C:
			p.mu.Lock()
			reopen = p.failed || p.asked > 0 && time.Since(p.heard) > pullSilence
			p.mu.Unlock()
		}
		if !reopen {
			p.ask() // so that nothing that was forgotten waits for long
			continue
		}
		if err := p.open(); err != nil {
			p.logger.Debug("reopening the pull", "error", err)
			continue
		}
		p.ask()
	}
}

// drain ends the subscription; deliveries that the server has already sent are
// still received.
func (p *puller) drain() <-chan struct{} {
	gone := make(chan struct{})
	p.sub.SetClosedHandler(func(string) { close(gone) })
	if err := p.sub.Drain(); err != nil {
		p.logger.Debug("draining the subscription to deliveries", "error", err)
	}
	return gone
}

// close ends the pulls, and returns when the last delivery has been received.
func (p *puller) close() {
	p.mu.Lock()
	p.closed = true
	gone := p.drain()
	p.mu.Unlock()
	select {
	case <-gone:
	case <-time.After(drainTimeout): // not connected
	}
}

// expectMore notes that the lane has something to deliver.
func (p *puller) expectMore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behind = true
}

// expects reports whether the lane should have a delivery, which comes when it is asked
// for: the broker has said that there is more, or was given some back.
func (p *puller) expects() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.behind
}

// forget notes that others have taken what the lane had.
func (p *puller) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behind = false
}
