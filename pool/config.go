package pool

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/producer"
)

// Config says how to run a worker host. Its zero value is a host for the
// default queue of the broker that the environment names, with a worker process
// per usable CPU.
type Config struct {
	// URL of the broker. Empty means MUSTER_URL, then NATS_URL, then the NATS
	// context, then nats://127.0.0.1:4222.
	URL string
	// Queue to pull from; producer.DefaultQueue if empty.
	Queue string
	// Processes is the number of worker processes. 0 means the CPUs that this
	// program may use, by affinity and cgroup. It mirrors max_workers.
	Processes int
	// Host names this host in errors and notices; os.Hostname if empty.
	Host string
	// Logger hears of processes that die; slog.Default if nil.
	Logger *slog.Logger
	// Stdout and Stderr take what worker processes print, line by line; os.Stdout
	// and os.Stderr if nil.
	Stdout, Stderr io.Writer
	// Listener is told what happens to worker processes.
	Listener Listener
}

// Listener holds functions to call when something happens to a worker process.
// Each may be nil. They are called from several goroutines, and hold up the
// process's place until they return.
type Listener struct {
	Ready func(pid int)     // a worker process pulls tasks
	Died  func(death Death) // a worker process ended, asked or unasked
}

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

// complete fills in defaults and checks the rest.
func (c *Config) complete() error {
	if c.Queue == "" {
		c.Queue = producer.DefaultQueue
	}
	if err := broker.ValidQueue(c.Queue); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if c.Processes == 0 {
		c.Processes = usableCPUs()
	}
	if c.Processes < 0 || c.Processes > maxProcesses {
		return fmt.Errorf("%w: %d worker processes; use 1 to %d", ErrConfig, c.Processes, maxProcesses)
	}
	if c.Host == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("%w: the host has no name (%w); set Config.Host", ErrConfig, err)
		}
		c.Host = host
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Stdout == nil {
		c.Stdout = os.Stdout
	}
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	return nil
}

// maxProcesses bounds the worker processes of one host.
const maxProcesses = 4096

// usableCPUs counts the CPUs that this program may use: since Go 1.25 the
// runtime's default takes affinity and the cgroup's limit into account.
func usableCPUs() int { return runtime.GOMAXPROCS(0) }
