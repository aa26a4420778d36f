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
	"github.com/musterfleet/muster/internal/link"
	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/internal/scoreboard"
	"github.com/musterfleet/muster/login"
)

// child is one worker process, as its supervisor sees it.
type child struct {
	*proc.Process
	board    *scoreboard.Board
	place    int // number of its place
	born     time.Time
	listened chan struct{} // closed when its last report has been read
	reached  chan struct{} // closed when it has reached Main
	quitting atomic.Bool   // it was sent SIGQUIT
	link     *link.Conn
	work     *worker // once it is ready; under scheduler.mu, as all in it is

	mu         sync.Mutex
	ready      bool
	failed     string           // what it said was wrong, when it ended
	left       consumer.Leaving // why it ended in good order
	dismissed  bool             // it was killed because its place goes, before it had done anything
	unanswered int              // pings
	waits      int              // whether its handler waits for another task
	condemned  verdict          // the task it was killed for, if it was
	fatal      syscall.Signal   // that was sent for that, and that it does not survive
	broken     bool             // it lived on without a link, or harmed it
	killedFor  codec.Cause      // why the supervisor killed it, if not for a task
	killedWhy  string           // the same in words that follow "killed by signal SIGKILL, "
	ran        ranTask          // when it died
	endValue   func()           // ends what it waits for of a large value; nil for nothing
	watch      *time.Timer      // looks at limits
	watchAt    time.Time
}

// verdict names a running task that is to end, and why.
type verdict struct {
	runIndex
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

// lastReports is how long a dead process's last reports may take to be read.
const lastReports = 250 * time.Millisecond

// startChild starts a worker process.
func (s *Supervisor) startChild(place int) (*child, error) {
	board, file, err := scoreboard.New()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c := &child{
		board: board, place: place, born: time.Now(),
		listened: make(chan struct{}), reached: make(chan struct{}),
	}
	printer := &printer{Supervisor: s, place: place, child: c, quitting: &c.quitting}
	c.Process, err = proc.Start(proc.Spec{
		Path: s.executable, Args: startArgs(s.cfg.URL, s.cfg.Credentials), Env: s.environment(), Dir: startDir(),
		Files: []*os.File{file}, Guard: s.guard,
		Started: printer.started, Output: printer.print,
	})
	if err != nil {
		return nil, errors.Join(err, board.Close())
	}
	if c.link, err = link.New(c.Control()); err != nil {
		return nil, errors.Join(err, c.Kill(), board.Close())
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

// order sends the process an order. One that does not read is stuck, and will be
// killed rather than drained.
func (c *child) order(o order) {
	data, err := json.Marshal(o)
	if err != nil {
		panic(err) // no field of it can fail
	}
	_ = c.link.Send(link.KindOrder, nil, func(dst []byte) []byte { return append(dst, data...) })
}

// leave has the process finish the task it runs, and leave.
func (c *child) leave(why consumer.Leaving) { c.order(order{Drain: why}) }

// tellHandedOff tells the process that the outcome of a task is in safe hands, or
// cannot be.
func (c *child) tellHandedOff(run uint64, index int, err error) {
	handed := handedOff{Run: run, Index: index}
	if err != nil {
		handed.Error = err.Error()
	}
	c.order(order{HandedOff: &handed})
}

// read takes what the process sends until it ends. Its error says what was wrong with
// that; nil if the process has closed the link, or died.
func (c *child) read(take func(link.Frame) error) error {
	defer c.link.Discard()
	for {
		f, err := c.link.Receive()
		if err == nil {
			err = take(f)
		}
		switch {
		case err == nil:
		case errors.Is(err, link.ErrProtocol), errors.Is(err, errGarbage):
			return err
		default:
			return nil
		}
	}
}

// errUnlinked says that a process lives on without its link.
var errUnlinked = errors.New("pool: the worker process has closed its link")

// unlinkedTime is how long a process may live without its link, which one that dies
// has closed a moment before.
const unlinkedTime = time.Second

// listen takes what the process sends until it has died. Its error says why the
// process is of no use, if it lives.
func (c *child) listen(take func(link.Frame) error) error {
	err := c.read(take)
	if err == nil {
		select {
		case <-c.Died():
			return nil
		case <-time.After(unlinkedTime):
			err = errUnlinked
		}
	}
	c.mu.Lock()
	c.broken = true
	c.mu.Unlock()
	return err
}

func (c *child) isBroken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// awaitReports waits until the reports of a dead process have been read.
func (c *child) awaitReports() error {
	err := c.Control().SetReadDeadline(time.Now().Add(lastReports))
	<-c.listened
	return err
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
	if c.endValue != nil {
		c.endValue()
	}
	c.mu.Unlock()
	return errors.Join(c.Control().Close(), c.board.Close())
}
