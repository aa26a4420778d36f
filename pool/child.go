package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/internal/scoreboard"
	"github.com/musterfleet/muster/login"
)

// child is one worker process, as its supervisor sees it.
type child struct {
	*proc.Process
	board    *scoreboard.Board
	born     time.Time
	orders   chan order    // to be written to the process
	listened chan struct{} // closed when its last report has been read
	reached  chan struct{} // closed when it has reached Main
	isSetUp  bool          // it has its first order; under Supervisor.mu
	quitting atomic.Bool   // it was sent SIGQUIT
	// signOfLife is a subject that the process's connection listens to.
	signOfLife string
	told       scoreboard.Cursor // what ended up to there was told; under Supervisor.mu

	mu         sync.Mutex
	ready      bool
	failed     string           // what it said was wrong, when it ended
	left       consumer.Leaving // why it ended in good order
	dismissed  bool             // it was killed because its place goes, before it had done anything
	unanswered int              // pings
	waits      int              // whether its handler waits for another task
	condemned  verdict          // the task it was killed for, if it was
	fatal      syscall.Signal   // that was sent for that, and that it does not survive
	killedFor  codec.Cause      // why the supervisor killed it, if not for a task
	killedWhy  string           // the same in words that follow "killed by signal SIGKILL, "
	ran        ran              // when it died
	watch      *time.Timer      // looks at limits
	watchAt    time.Time
}

// verdict names a running task that is to end, and why.
type verdict struct {
	ack     string
	started int
	why     codec.Code
	message string
}

// reason says in words that follow "since " why the task's process is killed.
func (v verdict) reason() string {
	if v.why == codec.CodeCancelled {
		return "its task was cancelled while it ran"
	}
	return v.message
}

// mostOrders is how many orders may wait for a process that does not read. More
// are dropped: it is stuck, and will be killed rather than drained.
const mostOrders = 256

// lastReports is how long a dead process's last reports may take to be read.
const lastReports = 250 * time.Millisecond

// start starts a worker process. The first order goes out at once; later ones
// follow it.
func (s *Supervisor) startChild(place int) (*child, error) {
	board, file, err := scoreboard.New()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c := &child{
		board: board, born: time.Now(),
		orders: make(chan order, mostOrders), listened: make(chan struct{}), reached: make(chan struct{}),
		signOfLife: s.nc.NewInbox(),
	}
	printer := &printer{Supervisor: s, place: place, board: board, quitting: &c.quitting}
	c.Process, err = proc.Start(proc.Spec{
		Path: s.executable, Args: startArgs(s.cfg.URL, s.cfg.Credentials), Env: s.environment(), Dir: startDir(),
		Files: []*os.File{file}, Guard: s.guard,
		Started: printer.started, Output: printer.print,
	})
	if err != nil {
		return nil, errors.Join(err, board.Close())
	}
	return c, nil
}

// environment gives the environment of worker processes, in which handlers, and what
// they start, find no credential. A process finds the
// first value of a name that comes more than once, but the last shall stand.
func (s *Supervisor) environment() []string {
	env := slices.Concat(login.Conceal(inheritedEnv()), s.cfg.Env, []string{proc.RoleEnv + "=" + roleWorker})
	slices.Reverse(env)
	seen := map[string]bool{}
	return slices.DeleteFunc(env, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		again := seen[name]
		seen[name] = true
		return again
	})
}

// order queues an order for the process.
func (c *child) order(o order) {
	select {
	case c.orders <- o:
	default:
	}
}

// write writes orders until the process has died.
func (c *child) write(failed func(error)) {
	for {
		select {
		case o := <-c.orders:
			if err := tell(c.Control(), o); err != nil {
				failed(err) // it is dead, which tells more, or stuck
				return
			}
		case <-c.Died():
			return
		}
	}
}

// read takes the process's reports until it ends.
func (c *child) read(take func(report)) {
	defer close(c.listened)
	reports := json.NewDecoder(c.Control())
	for {
		var r report
		if err := reports.Decode(&r); err != nil {
			return
		}
		take(r)
	}
}

// awaitReports waits until the reports of a dead process have been read.
func (c *child) awaitReports() error {
	err := c.Control().SetReadDeadline(time.Now().Add(lastReports))
	<-c.listened
	return err
}

// holds reports whether the process has deliveries in hand.
func (c *child) holds() bool { return len(c.board.Deliveries()) > 0 }

// runs reports whether the process runs a task.
func (c *child) runs() bool {
	return slices.ContainsFunc(c.board.Deliveries(), scoreboard.Delivery.Running)
}

// idle reports whether the process could run what comes: it is ready, and all
// that it holds has been run.
func (c *child) idle() bool {
	return c.isReady() && !slices.ContainsFunc(c.board.Deliveries(), func(d scoreboard.Delivery) bool {
		return d.Finished < d.Tasks
	})
}

func (c *child) hasReachedMain() bool {
	select {
	case <-c.reached:
		return true
	default:
		return false
	}
}

func (c *child) isReady() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ready
}

// stillborn says why a process was never ready, and is nil if it was.
func (c *child) stillborn() error {
	exit := c.Exit()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ready || c.left != "":
		return nil
	case exit.Code == exitNoMain && strings.Contains(exit.Stderr, ErrNoMain.Error()):
		return ErrNoMain
	case exit.Code == 0 && !c.hasReachedMain():
		return fmt.Errorf("%w: a worker process ended with exit status 0 before it reached pool.Main", ErrNoMain)
	case c.failed != "":
		return fmt.Errorf("%w: %s", ErrNotReady, c.failed)
	}
	cause, _ := c.explain(exit)
	if exit.Stderr != "" {
		return fmt.Errorf("%w: %s; its stderr ends:\n%s", ErrNotReady, cause, exit.Stderr)
	}
	return fmt.Errorf("%w: %s", ErrNotReady, cause)
}

// isExplained reports whether a process's death is no sign that the next process will
// die young, too: it left in good order, its task is charged for it, or the supervisor
// has killed it. Tasks that kill their processes do not have processes started without
// end: each has an attempt less with every death.
func (c *child) isExplained() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left != "" || c.ran.failed != "" || c.fatal != 0 ||
		c.killedFor != "" && c.killedFor != codec.CauseUnready
}

// dispose frees what belonged to a dead process.
func (c *child) dispose() error {
	c.mu.Lock()
	if c.watch != nil {
		c.watch.Stop()
	}
	c.mu.Unlock()
	return errors.Join(c.Control().Close(), c.board.Close())
}
