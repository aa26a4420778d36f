package fleet

import (
	"context"
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/objects"
	"github.com/musterfleet/muster/login"
)

// Fleet is a connection to the broker of a fleet. It is safe for concurrent use.
// Each of its methods fails when its context ends, or the broker refuses.
type Fleet struct {
	nc        *nats.Conn
	js        jetstream.JetStream
	publisher *broker.Publisher
	desk      *handoff.Desk
	objects   *objects.Store
	logger    *slog.Logger
}

// Option is an option of [Connect].
type Option func(*config)

type config struct {
	logger *slog.Logger
	who    login.Credentials
	nats   []nats.Option
}

// WithLogger sets where the connection reports what no error can tell, such as
// its loss. The default is slog.Default.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }

// WithCredentials sets who the operator is to the broker, instead of what the
// environment says (login.FromEnvironment).
func WithCredentials(who login.Credentials) Option { return func(c *config) { c.who = who } }

// WithNATS adds options of the NATS connection that [WithCredentials] does not know.
func WithNATS(options ...nats.Option) Option {
	return func(c *config) { c.nats = append(c.nats, options...) }
}

// Connect connects to the broker at url. An empty url means MUSTER_URL, then
// NATS_URL, then the NATS context, then nats://127.0.0.1:4222. It waits until ctx
// ends, or 5 seconds. Its error says what is wrong and how to fix it.
//
// It creates nothing at the broker, and neither does looking: where nobody has used
// Muster there are no queues, dead letters or schedules. [Fleet.CreateQueue],
// [Fleet.Purge] and [Fleet.RetryDead] create what they write to.
func Connect(ctx context.Context, url string, options ...Option) (_ *Fleet, err error) {
	cfg := config{logger: slog.Default()}
	for _, option := range options {
		option(&cfg)
	}
	f := &Fleet{logger: cfg.logger}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if f.nc, err = broker.Dial(ctx, url, broker.Config{Name: "muster operator", Credentials: cfg.who, Logger: cfg.logger, Options: cfg.nats}); err != nil {
		return nil, err
	}
	f.objects = objects.New(f.nc, cfg.logger)
	if f.js, err = broker.Check(ctx, f.nc); err != nil {
		return nil, err
	}
	if f.publisher, err = broker.NewPublisher(f.nc); err != nil {
		return nil, err
	}
	if f.desk, err = handoff.New(f.nc, f.publisher, nil, cfg.logger); err != nil {
		return nil, err
	}
	return f, nil
}

// Close disconnects. What is under way fails.
func (f *Fleet) Close() {
	if f.desk != nil {
		f.desk.Close()
	}
	if f.publisher != nil {
		f.publisher.Close()
	}
	if f.nc != nil {
		f.nc.Close()
	}
}
