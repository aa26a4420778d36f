package producer

import (
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/transport"
	"github.com/musterfleet/muster/login"
)

// DefaultQueue is the queue that tasks go to unless an option says otherwise.
const DefaultQueue = "default"

type config struct {
	lookOnly bool
	maxValue int64
	queue    string
	full     FullQueue
	logger   *slog.Logger
	observer Observer
	who      login.Credentials
	nats     []nats.Option
	host     transport.LocalHost

	supervisor *transport.Supervisor
}

// Option configures a client. Its error wraps [ErrOption].
type Option func(*config) error

// WithQueue sets the queue that the client's tasks go to, instead of
// [DefaultQueue].
func WithQueue(name string) Option {
	return func(c *config) error {
		c.queue = name
		return checkQueue(name)
	}
}

// FullQueue says what becomes of a task whose queue is full.
type FullQueue uint8

const (
	// WaitForRoom has the client publish the task again until there is room.
	// Meanwhile it counts as on its way to the broker; when much is, Submit waits as
	// well, until its context ends. A task for which there can never be room waits
	// for ever.
	WaitForRoom FullQueue = iota
	// FailAtOnce has the task's future fail with [ErrQueueFull].
	FailAtOnce
)

// WithFullQueue sets what becomes of a task whose queue is full, instead of
// [WaitForRoom].
func WithFullQueue(policy FullQueue) Option {
	return func(c *config) error {
		if policy > FailAtOnce {
			return fmt.Errorf("%w: full queue policy %d; use WaitForRoom or FailAtOnce", ErrOption, policy)
		}
		c.full = policy
		return nil
	}
}

// WithLogger sets where the client reports what no error can tell, such as a
// lost connection. The default is slog.Default.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error {
		if logger == nil {
			return fmt.Errorf("%w: nil logger", ErrOption)
		}
		c.logger = logger
		return nil
	}
}

// WithObserver sets what is told of calls. Package tracing makes one.
func WithObserver(observer Observer) Option {
	return func(c *config) error {
		if observer == nil {
			return fmt.Errorf("%w: nil observer", ErrOption)
		}
		c.observer = observer
		return nil
	}
}

// WithCredentials sets who the client is to the broker, instead of what the
// environment says (login.FromEnvironment). The client's name begins with the group,
// if there is one: see docs/security.md.
func WithCredentials(who login.Credentials) Option {
	return func(c *config) error {
		c.who = who
		return nil
	}
}

// WithNATS adds options of the NATS connection that [WithCredentials] does not know.
func WithNATS(options ...nats.Option) Option {
	return func(c *config) error {
		c.nats = append(c.nats, options...)
		return nil
	}
}

// WithoutStreams has [Connect] create no streams at the broker, for a program that looks
// at tasks of others, as by [Attach]. The first task that the client submits creates them.
func WithoutStreams() Option {
	return func(c *config) error {
		c.lookOnly = true
		return nil
	}
}

// WithLocalHost has the client and a worker host in its own program pass tasks and
// outcomes to each other without the broker where they can. It is for package pool.
func WithLocalHost(host transport.LocalHost) Option {
	return func(c *config) error {
		c.host = host
		return nil
	}
}

// WithSupervisor has a client in a worker process reach the broker by way of the
// process's supervisor, whatever url, credentials and environment say. It is for package
// pool.
func WithSupervisor(s transport.Supervisor) Option {
	return func(c *config) error {
		c.supervisor = &s
		return nil
	}
}

// WithMaxValue sets the largest argument or result, in bytes encoded, that the
// client sends or takes; a larger one is an error of its call alone.
// [DefaultMaxValue] unless set.
func WithMaxValue(bytes int64) Option {
	return func(c *config) error {
		if bytes < 1 {
			return fmt.Errorf("%w: values of at most %d bytes; use 1 or more", ErrOption, bytes)
		}
		c.maxValue = bytes
		return nil
	}
}

func newConfig(options []Option) (*config, error) {
	cfg := &config{queue: DefaultQueue, logger: slog.Default(), maxValue: DefaultMaxValue}
	for _, option := range options {
		if err := option(cfg); err != nil {
			return nil, err
		}
	}
	return cfg, nil
}

func checkQueue(name string) error {
	if err := broker.ValidQueue(name); err != nil {
		return fmt.Errorf("%w: %w", ErrOption, err)
	}
	return nil
}
