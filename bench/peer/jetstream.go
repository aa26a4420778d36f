package peer

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamName    = "BENCH"
	streamSubject = "bench.stored"
	streamResults = "bench.result."
)

// jetStream is what one writes by hand: publish to a work queue, pull, reply,
// acknowledge. It is durable, but nobody notices when an outcome is lost.
type jetStream struct {
	fleet
	broker *brokerProcess
}

func newJetStream() *jetStream { return &jetStream{} }

func (j *jetStream) Info() Info {
	return Info{Name: "jetstream", Title: "JetStream publish/pull/ack", ByLength: true, Settings: []string{
		"work-queue stream in files, PublishAsync with 4,000 pending, a worker process for each place",
		"Consume with 500 messages ahead (1 for long tasks), no limit of unacknowledged messages, results by core NATS without receipt",
	}}
}

func (j *jetStream) Missing() error { return nil }

func (j *jetStream) Start(ctx context.Context, setup Setup) (err error) {
	defer func() {
		if err != nil {
			j.Stop()
		}
	}()
	j.setup = setup
	if j.broker, err = startBroker(ctx); err != nil {
		return err
	}
	if err = j.createStream(ctx); err != nil {
		return err
	}
	worker := role{Name: "jetstream", URL: j.broker.url, Long: setup.Long}
	if j.workers, err = worker.startWorkers(ctx, setup.Workers); err != nil {
		return err
	}
	j.dial = func(_ context.Context, number int) (client, error) { return dialJetStream(j.broker.url, number) }
	return nil
}

func (j *jetStream) createStream(ctx context.Context) error {
	nc, err := nats.Connect(j.broker.url)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{
		Name: streamName, Subjects: []string{streamSubject},
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage,
	})
	if err != nil {
		return fmt.Errorf("creating the stream: %w", err)
	}
	_, err = js.CreateConsumer(ctx, streamName, jetstream.ConsumerConfig{
		Durable: natsGroup, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: -1,
	})
	if err != nil {
		return fmt.Errorf("creating the consumer: %w", err)
	}
	return nil
}

func (j *jetStream) Stop() {
	j.hangUp()
	j.broker.close()
	j.broker = nil
}

func jetStreamRole(ctx context.Context, r role, ready func(string), _ io.Writer) error {
	nc, err := nats.Connect(r.URL)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	consumer, err := js.Consumer(ctx, streamName, natsGroup)
	if err != nil {
		return err
	}
	ahead := 500 // the client's default
	if r.Long {
		ahead = 1
	}
	running, err := consumer.Consume(func(m jetstream.Msg) {
		t, err := decodeTask(m.Data())
		if err != nil {
			_ = m.Term()
			return
		}
		_ = nc.Publish(fmt.Sprint(streamResults, t.Client), outcomeBytes(t.run()))
		_ = m.Ack() // what is lost shows in the sum
	}, jetstream.PullMaxMessages(ahead))
	if err != nil {
		return err
	}
	defer running.Stop()
	ready("")
	<-ctx.Done()
	return nil
}

type jetStreamClient struct {
	*natsClient
	js     jetstream.JetStream
	number uint64
}

func dialJetStream(url string, number int) (client, error) {
	nc, err := dialNATS(url)
	if err != nil {
		return nil, err
	}
	c := &jetStreamClient{natsClient: nc, number: uint64(number)}
	c.js, err = jetstream.New(nc.nc,
		jetstream.WithPublishAsyncMaxPending(4000),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) {
			if t := c.tally.Load(); t != nil {
				t.fail(err)
			}
		}))
	if err == nil {
		err = c.listen(fmt.Sprint(streamResults, number))
	}
	if err != nil {
		nc.close()
		return nil, err
	}
	return c, nil
}

func (c *jetStreamClient) burst(ctx context.Context, all tasks, window int) (gain, error) {
	t := newTally(all, window)
	c.tally.Store(t)
	for i := range all.n {
		if err := t.admit(ctx, 1); err != nil {
			return gain{}, err
		}
		task := all.at(i)
		task.Client = c.number
		_, err := c.js.PublishAsync(streamSubject, task.encode(), jetstream.WithStallWait(10*time.Second))
		if err != nil {
			return gain{}, err
		}
	}
	return t.wait(ctx)
}
