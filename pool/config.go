package pool

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/outlet"
	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/login"
	"github.com/musterfleet/muster/producer"
)

// Config says how to run a worker host. Its zero value is a host for the
// default queue of the broker that the environment names, with a worker process
// per usable CPU.
type Config struct {
	// URL of the broker. Empty means MUSTER_URL, then NATS_URL, then the NATS
	// context, then nats://127.0.0.1:4222.
	URL string
	// Credentials say who the host is to the broker; what the environment says if
	// zero. Worker processes do not have them.
	Credentials login.Credentials
	// Queues to pull from, in strict order or by weight; producer.DefaultQueue if there are
	// none. See ParseQueues.
	Queues []Queue
	// Processes is the number of worker processes. 0 means the CPUs that this
	// program may use, by affinity and cgroup. It mirrors max_workers.
	Processes int
	// Host names this host in errors and notices; os.Hostname if empty.
	Host string
	// Logger hears of processes that die; slog.Default if nil.
	Logger *slog.Logger
	// Stdout and Stderr take what worker processes print, line by line; os.Stdout
	// and os.Stderr if nil, and then a reader that stops reading costs lines, not
	// work. A writer of your own, and Logger's, must not block.
	Stdout, Stderr io.Writer
	// OutputLogger takes what worker processes print in place of Stdout and Stderr,
	// each line as a record with the process's pid and place (the number of its slot),
	// the stream, and the task and func that ran when the line was read: the latest line
	// of a task that ends may go to the next one's.
	OutputLogger *slog.Logger
	// Listener is told what happens to worker processes.
	Listener Listener
	// Started is called when the host has begun to start worker processes, with its
	// supervisor, for whoever shows how it stands. It holds up the start. Run calls it
	// again when the host starts anew after a roll that failed.
	Started func(*Supervisor)
	// Env is added to the environment of worker processes, as "NAME=value"; it
	// stands in place of what this program has by the same name.
	Env []string
	// MaxTasks is after how many tasks a worker process is replaced; 0 means
	// never. It mirrors max_tasks_per_child.
	MaxTasks int
	// MaxMemory is the resident memory, in bytes, above which a worker process
	// is replaced at the end of a task; 0 means no bound.
	MaxMemory int64
	// MemoryLimit is how much memory, in bytes, a worker process and what it has
	// started may have resident together. Above it the supervisor kills them, and
	// the task that runs is charged; its caller's codec.WorkerDiedError says so. 0
	// means no limit. While something runs it is looked at ten times a second, and
	// more often near the limit or when memory grows fast; what is taken at once
	// may be beyond the limit before it is seen. It needs Linux.
	MemoryLimit int64
	// IdleTimeout is after how long without a task a worker process leaves. Its slot is
	// dormant then, and starts another process when there is work. 0 means never.
	IdleTimeout time.Duration
	// OnDemand starts worker processes only when there is work for them.
	OnDemand bool
	// MaxValue is the largest argument or result, in bytes encoded, that worker
	// processes take or give; consumer.DefaultMaxValue if 0.
	MaxValue int64
	// DrainTimeout is how long running tasks may take to finish when the host
	// drains. After it they are killed, and put back uncharged. 0 means no bound.
	// A task that waits for another task is one that runs: where no other host
	// serves its queue, only this ends the drain.
	DrainTimeout time.Duration
	// ControlSocket is the path of a Unix socket at which programs of the same user
	// may ask the host for what codec.ControlRequest tells; none if empty.
	ControlSocket string
	// ForbidClient has [Client] fail in the host's tasks, with [ErrClientForbidden]. Without
	// it handlers can do over the host's connection what a client of its user can.
	ForbidClient bool

	initial *initial          // see Initializer
	client  []producer.Option // see WithClient
}

// Listener holds functions to call when something happens to a worker process.
// Each may be nil. They are called from several goroutines, and hold up the
// process's slot until they return.
type Listener struct {
	Ready func(pid int)     // a worker process pulls tasks
	Died  func(death Death) // a worker process ended, asked or unasked
}

// complete fills in defaults and checks the rest.
func (c *Config) complete() error {
	if len(c.Queues) == 0 {
		c.Queues = []Queue{{Name: producer.DefaultQueue}}
	}
	if err := checkQueues(c.Queues); err != nil {
		return err
	}
	if c.Processes == 0 {
		c.Processes = usableCPUs()
	}
	if c.Processes < 0 || c.Processes > maxProcesses {
		return fmt.Errorf("%w: %d worker processes; use 1 to %d", ErrConfig, c.Processes, maxProcesses)
	}
	if c.MaxTasks < 0 || c.MaxMemory < 0 || c.IdleTimeout < 0 || c.MaxValue < 0 {
		return fmt.Errorf("%w: MaxTasks %d, MaxMemory %d, IdleTimeout %v, MaxValue %d; none may be negative",
			ErrConfig, c.MaxTasks, c.MaxMemory, c.IdleTimeout, c.MaxValue)
	}
	if c.MemoryLimit < 0 || c.DrainTimeout < 0 {
		return fmt.Errorf("%w: MemoryLimit %d, DrainTimeout %v; neither may be negative", ErrConfig, c.MemoryLimit, c.DrainTimeout)
	}
	if c.MemoryLimit > 0 {
		if _, err := proc.GroupMemory(nil); err != nil {
			return fmt.Errorf("%w: a memory limit cannot be kept here: %w", ErrConfig, err)
		}
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
	c.Logger = c.Logger.With("host", c.Host, "queue", codec.FormatQueues(c.Queues))
	if c.Stdout == nil {
		c.Stdout = outlet.New(os.Stdout)
	}
	if c.Stderr == nil {
		c.Stderr = outlet.New(os.Stderr)
	}
	return nil
}

// maxProcesses bounds the worker processes of one host.
const maxProcesses = 4096

// usableCPUs counts the CPUs that this program may use: since Go 1.25 the
// runtime's default takes affinity and the cgroup's limit into account.
func usableCPUs() int { return runtime.GOMAXPROCS(0) }
