package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

const (
	// maxRepliesPending bounds replies not yet looked at, in bytes. What is
	// dropped beyond it gets no receipt, so it is stored and collected.
	maxRepliesPending = 256 << 20
	// sweepInterval is how often a client with pending futures asks for outcomes
	// that it may have missed without having lost its connection.
	sweepInterval = 30 * time.Second
	sweepTimeout  = 10 * time.Second
	flushTimeout  = 2 * time.Second
)

// receive takes a message on the reply subject. It runs on the subscription's
// one goroutine and must not block.
func (c *Client) receive(msg *nats.Msg) {
	if msg.Subject == broker.StartedSubject(c.id) {
		c.receiveStarted(msg.Data)
		return
	}
	taken, err := c.settle(msg.Data)
	if err != nil {
		c.logger.Warn("a reply does not read", "subject", msg.Subject, "error", err)
		return
	}
	if msg.Reply != "" {
		if err := msg.Respond(codec.AppendReceipt(nil, taken)); err != nil {
			c.logger.Debug("a receipt could not be sent", "error", err)
		}
	}
}

// settle gives outcomes to their futures, and the number of outcomes read. An
// outcome whose future is gone is a duplicate, or late, and changes nothing.
func (c *Client) settle(data []byte) (int, error) {
	var outcomes codec.Outcomes
	if err := outcomes.Decode(data); err != nil {
		return 0, err
	}
	if outcomes.Client != c.id {
		return 0, fmt.Errorf("outcomes for client %s", outcomes.Client)
	}
	for i := range outcomes.List {
		if p := c.registry.take(outcomes.List[i].N); p != nil {
			p.outcome(&outcomes.List[i])
		}
	}
	return len(outcomes.List), nil
}

func (c *Client) receiveStarted(data []byte) {
	started, err := codec.ReadStarted(data)
	if err != nil {
		c.logger.Warn("a started notice does not read", "error", err)
		return
	}
	if p := c.registry.find(started.N); p != nil {
		p.start()
	}
}

func (c *Client) reconnected() {
	select {
	case c.reunited <- struct{}{}:
	default:
	}
}

// collectMissed fetches outcomes that workers stored because the client could
// not be reached: after each reconnect, and now and then while futures wait. It
// ends when the client closes.
func (c *Client) collectMissed() {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-c.life.Done():
			return
		case <-c.reunited:
		case <-ticker.C:
		}
		if c.Pending() == 0 {
			continue
		}
		if err := c.collect(); err != nil {
			c.logger.Warn("stored outcomes could not be fetched; will try again", "error", err)
		}
	}
}

// collect reads every outcome that is stored for this client.
func (c *Client) collect() error {
	ctx, cancel := context.WithTimeout(c.life, sweepTimeout)
	defer cancel()
	consumer, err := c.js.OrderedConsumer(ctx, broker.ResultsStream, jetstream.OrderedConsumerConfig{
		FilterSubjects:    []string{broker.ResultWildcard(c.id)},
		InactiveThreshold: sweepTimeout,
	})
	if err != nil {
		return fmt.Errorf("reading %s: %w", broker.ResultsStream, err)
	}
	for ctx.Err() == nil {
		messages, err := consumer.FetchNoWait(fetchBatch)
		if err != nil {
			return fmt.Errorf("reading %s: %w", broker.ResultsStream, err)
		}
		read := 0
		for msg := range messages.Messages() {
			read++
			if _, err := c.settle(msg.Data()); err != nil {
				c.logger.Warn("a stored outcome does not read", "subject", msg.Subject(), "error", err)
			}
		}
		if err := messages.Error(); err != nil && !errors.Is(err, jetstream.ErrNoMessages) {
			return fmt.Errorf("reading %s: %w", broker.ResultsStream, err)
		}
		if read == 0 {
			return nil
		}
	}
	return context.Cause(ctx)
}

const fetchBatch = 512
