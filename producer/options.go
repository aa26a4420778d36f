package producer

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/internal/broker"
)

// DefaultQueue is the queue that tasks go to unless an option says otherwise.
const DefaultQueue = "default"

type config struct {
	maxValue int64
	queue    string
	logger   *slog.Logger
	nats     []nats.Option
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

// WithNATS adds options of the NATS connection, such as credentials or TLS.
func WithNATS(options ...nats.Option) Option {
	return func(c *config) error {
		c.nats = append(c.nats, options...)
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

// call is what the options of one call, or of one Map, come to.
type call struct {
	queue      string
	deadline   time.Time
	limit      time.Duration
	maxCrashes int
	header     map[string]string
	chunk      int
	buffer     int
}

// CallOption is an option of one Submit or Map. Its error wraps [ErrOption].
type CallOption func(*call) error

// Queue sends the call to a queue other than the client's.
func Queue(name string) CallOption {
	return func(c *call) error {
		c.queue = name
		return checkQueue(name)
	}
}

// Deadline sets the time after which the task is not started any more; then it
// fails with codec.ErrExpired. The handler's context ends at the same time.
func Deadline(t time.Time) CallOption {
	return func(c *call) error {
		c.deadline = t
		return nil
	}
}

// Limit sets how long the task may run, from its start in a worker process, each
// attempt anew. Then it is stopped, at first by its context and at last with its
// process, and fails with codec.ErrTimeLimit. It mirrors the timeout of pebble's
// ProcessPool.schedule.
func Limit(d time.Duration) CallOption {
	return func(c *call) error {
		if d <= 0 {
			return fmt.Errorf("%w: a time limit of %v; use more than nothing", ErrOption, d)
		}
		c.limit = d
		return nil
	}
}

// Crashes sets how many attempts of the task may end with their process before
// it fails with codec.ErrWorkerDied. The default is codec.DefaultCrashes; 1
// means that a task is never run again, as in Python's executor.
func Crashes(n int) CallOption {
	return func(c *call) error {
		if n < 1 {
			return fmt.Errorf("%w: a crash budget of %d; use 1 or more", ErrOption, n)
		}
		c.maxCrashes = n
		return nil
	}
}

// Header adds entries that travel with the task to its handler, such as trace
// context.
func Header(h map[string]string) CallOption {
	return func(c *call) error {
		c.header = h
		return nil
	}
}

// Chunk makes Map send n arguments in one message, which one worker process
// runs in order; it waits until it has read so many. Without it the client
// chooses, from the run times that outcomes report. It mirrors the chunksize of
// Executor.map.
func Chunk(n int) CallOption {
	return func(c *call) error {
		if n < 1 || n > maxChunk {
			return fmt.Errorf("%w: a chunk of %d; use 1 to %d", ErrOption, n, maxChunk)
		}
		c.chunk = n
		return nil
	}
}

// Buffer sets how many arguments Map reads ahead of the result that it yields
// next, [DefaultBuffer] unless set, and at least a whole [Chunk]: so many before
// it yields the first result, and one more for each. It mirrors the buffersize
// of Executor.map, which counts chunks where there are chunks.
func Buffer(n int) CallOption {
	return func(c *call) error {
		if n < 1 {
			return fmt.Errorf("%w: a buffer of %d; use 1 or more", ErrOption, n)
		}
		c.buffer = n
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

func newCall(client *Client, options []CallOption) (call, error) {
	c := call{queue: client.queue, buffer: DefaultBuffer}
	for _, option := range options {
		if err := option(&c); err != nil {
			return call{}, err
		}
	}
	return c, nil
}

func checkQueue(name string) error {
	if err := broker.ValidQueue(name); err != nil {
		return fmt.Errorf("%w: %w", ErrOption, err)
	}
	return nil
}
