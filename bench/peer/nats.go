package peer

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

const (
	natsSubject = "bench.task"
	natsGroup   = "workers"
)

// rawNATS is request and reply over core NATS with a queue group. Nothing is
// stored: a task is lost with its worker.
type rawNATS struct {
	fleet
	broker *brokerProcess
}

func newNATS() *rawNATS { return &rawNATS{} }

func (n *rawNATS) Info() Info {
	return Info{Name: "nats", Title: "NATS request/reply", Settings: []string{
		"one queue group, a worker process for each place, one reply subscription, no pending limits; not durable",
		"as many requests in flight as Muster has futures",
	}}
}

func (n *rawNATS) Missing() error { return nil }

func (n *rawNATS) Start(ctx context.Context, setup Setup) (err error) {
	defer func() {
		if err != nil {
			n.Stop()
		}
	}()
	n.setup = setup
	if n.broker, err = startBroker(ctx); err != nil {
		return err
	}
	if n.workers, err = (role{Name: "nats", URL: n.broker.url}).startWorkers(ctx, setup.Workers); err != nil {
		return err
	}
	n.dial = func(context.Context, int) (client, error) { return dialNATS(n.broker.url) }
	return nil
}

func (n *rawNATS) Stop() {
	n.hangUp()
	n.broker.close()
	n.broker = nil
}

func natsRole(ctx context.Context, r role, ready func(string), _ io.Writer) error {
	nc, err := nats.Connect(r.URL)
	if err != nil {
		return err
	}
	defer nc.Close()
	sub, err := nc.QueueSubscribe(natsSubject, natsGroup, func(m *nats.Msg) {
		if t, err := decodeTask(m.Data); err == nil {
			_ = m.Respond(outcomeBytes(t.run())) // the client waits in vain, and says so
		}
	})
	if err != nil {
		return err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return err
	}
	if err := nc.Flush(); err != nil {
		return err
	}
	ready("")
	<-ctx.Done()
	return nil
}

func outcomeBytes(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// natsClient has one subscription for all replies.
type natsClient struct {
	nc    *nats.Conn
	inbox string
	tally atomic.Pointer[tally]
}

func dialNATS(url string) (*natsClient, error) {
	nc, err := nats.Connect(url)
	if err != nil {
		return nil, err
	}
	c := &natsClient{nc: nc, inbox: nats.NewInbox()}
	if err := c.listen(c.inbox); err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// listen counts the outcomes that come to a subject.
func (c *natsClient) listen(subject string) error {
	sub, err := c.nc.Subscribe(subject, func(m *nats.Msg) {
		t := c.tally.Load()
		switch {
		case t == nil:
		case len(m.Data) == 8:
			t.add(binary.LittleEndian.Uint64(m.Data))
		default:
			t.fail(fmt.Errorf("%w: reply %q %v", ErrWrong, m.Data, m.Header))
		}
	})
	if err != nil {
		return err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return err
	}
	return c.nc.Flush()
}

func (c *natsClient) burst(ctx context.Context, all tasks, window int) (gain, error) {
	t := newTally(all, window)
	c.tally.Store(t)
	for i := range all.n {
		if err := t.admit(ctx, 1); err != nil {
			return gain{}, err
		}
		if err := c.nc.PublishRequest(natsSubject, c.inbox, all.at(i).encode()); err != nil {
			return gain{}, err
		}
	}
	return t.wait(ctx)
}

func (c *natsClient) close() { c.nc.Close() }
