package pool

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/producer"
)

// Option changes the configuration of [Local]. Its error wraps [ErrConfig].
type Option func(*Config) error

// Processes sets the number of worker processes, 1 or more.
func Processes(n int) Option {
	return func(c *Config) error {
		if n < 1 {
			return fmt.Errorf("%w: %d worker processes; the number must be greater than 0", ErrConfig, n)
		}
		c.Processes = n
		return nil
	}
}

// Queues has worker processes serve queues in strict order, or by weight, in place of the
// default one. A local pool's client submits to the first of them unless
// producer.Queue says otherwise.
func Queues(queues ...Queue) Option {
	return func(c *Config) error {
		c.Queues = queues
		return checkQueues(queues)
	}
}

// WithLogger sets where the pool reports what no error can tell.
func WithLogger(logger *slog.Logger) Option {
	return func(c *Config) error {
		c.Logger = logger
		return nil
	}
}

// WithOutput sets where the lines go that worker processes print.
func WithOutput(stdout, stderr io.Writer) Option {
	return func(c *Config) error {
		c.Stdout, c.Stderr = stdout, stderr
		return nil
	}
}

// WithListener sets what is told of worker processes.
func WithListener(listener Listener) Option {
	return func(c *Config) error {
		c.Listener = listener
		return nil
	}
}

// Env adds to the environment of worker processes, as "NAME=value", in place of
// what this program has by the same name.
func Env(env ...string) Option {
	return func(c *Config) error {
		c.Env = append(c.Env, env...)
		return nil
	}
}

// MaxTasks has a worker process replaced after n tasks, 1 or more.
func MaxTasks(n int) Option {
	return func(c *Config) error {
		if n < 1 {
			return fmt.Errorf("%w: %d tasks per process; the number must be greater than 0", ErrConfig, n)
		}
		c.MaxTasks = n
		return nil
	}
}

// MaxMemory has a worker process replaced, at the end of a task, when it uses
// more than so many bytes of memory, 1 or more.
func MaxMemory(bytes int64) Option {
	return func(c *Config) error {
		if bytes < 1 {
			return fmt.Errorf("%w: a memory bound of %d bytes; it must be greater than 0", ErrConfig, bytes)
		}
		c.MaxMemory = bytes
		return nil
	}
}

// MemoryLimit has a worker process killed, with all that it has started, when
// they have more than so many bytes of memory resident, 1 or more. See
// [Config.MemoryLimit].
func MemoryLimit(bytes int64) Option {
	return func(c *Config) error {
		if bytes < 1 {
			return fmt.Errorf("%w: a memory limit of %d bytes; it must be greater than 0", ErrConfig, bytes)
		}
		c.MemoryLimit = bytes
		return nil
	}
}

// IdleTimeout has a worker process leave when no task came for so long; another
// starts in its slot when there is work.
func IdleTimeout(d time.Duration) Option {
	return func(c *Config) error {
		if d <= 0 {
			return fmt.Errorf("%w: an idle timeout of %v; it must be greater than 0", ErrConfig, d)
		}
		c.IdleTimeout = d
		return nil
	}
}

// MaxValue sets the largest argument or result, in bytes encoded, that crosses;
// a larger one is an error of its call alone, codec.ErrTooLarge. With [Local] it
// holds for the client as well.
func MaxValue(bytes int64) Option {
	return func(c *Config) error {
		if bytes < 1 {
			return fmt.Errorf("%w: values of at most %d bytes; the number must be greater than 0", ErrConfig, bytes)
		}
		c.MaxValue = bytes
		return nil
	}
}

// OnDemand has worker processes start only when there is work for them.
func OnDemand() Option {
	return func(c *Config) error {
		c.OnDemand = true
		return nil
	}
}

// Initializer has every worker process call f with arg before its first task.
// f needs a handler; its result is dropped. It has 30 seconds. A process whose call fails ends, and
// is started again after a while. It mirrors initializer and initargs; as in
// Python, a handler that changes package variables changes them for the tasks of
// its process.
func Initializer[A, R any](f codec.Func[A, R], arg A) Option {
	return func(c *Config) error {
		encoded, err := f.AppendArg(nil, arg)
		if err != nil {
			return fmt.Errorf("%w: the argument of %s: %w", ErrConfig, f.Name(), err)
		}
		if !slices.Contains(consumer.Handled(), f.Name()) {
			return fmt.Errorf("%w: initializer %q has no handler; consumer.Handle registers one", ErrConfig, f.Name())
		}
		c.initial = &initial{Func: f.Name(), Arg: encoded}
		return nil
	}
}

// WithClient sets options of the client of a pool made by [Local], beside its
// queue, such as that of package tracing.
func WithClient(options ...producer.Option) Option {
	return func(c *Config) error {
		c.client = append(c.client, options...)
		return nil
	}
}

// With applies options to a configuration, for [Start] and [Run].
func (c Config) With(options ...Option) (Config, error) {
	for _, option := range options {
		if err := option(&c); err != nil {
			return Config{}, err
		}
	}
	return c, nil
}
