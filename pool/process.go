package pool

import (
	"encoding/json"
	"errors"
	"net"
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
	"github.com/musterfleet/muster/internal/relay"
	"github.com/musterfleet/muster/internal/scoreboard"
	"github.com/musterfleet/muster/login"
)

// process is one worker process, as its supervisor sees it.
type process struct {
	osProcess
	board     *scoreboard.Board
	slot      int // number of its slot
	startedAt time.Time
	quits     atomic.Bool // it was sent SIGQUIT
	link      *link.Conn
	events    chan event    // what it reports to its slot; closed after the last
	look      chan struct{} // has an element when the slot is to look at limits, and at what to stop
	work      *worker       // once it is ready; under scheduler.mu, as all in it is
	transfers atomic.Int32  // large values on their way to it or from it

	mu         sync.Mutex // nothing else is taken under it
	ending     ending     // what the supervisor did to end it
	stop       stopRequest
	unanswered int         // pings
	endValue   func()      // ends what it waits for of a large value; nil for nothing
	client     *relay.Conn // that its handlers' client uses; nil for none
}

// osProcess is the operating system's side of a process, which is a [proc.Process].
type osProcess interface {
	PID() int
	Control() net.Conn
	Signal(os.Signal) error
	Kill() error
	Died() <-chan struct{}
	Exited() <-chan struct{}
	Exit() proc.Exit
}

// startProcess starts a worker process.
func (s *Supervisor) startProcess(slot int) (*process, error) {
	board, file, err := scoreboard.New()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p := &process{
		board: board, slot: slot, startedAt: time.Now(), events: make(chan event), look: make(chan struct{}, 1),
	}
	lines := &lineWriter{host: s, process: p}
	child, err := proc.Start(proc.Spec{
		Path: s.executable, Args: startArgs(s.cfg.URL, s.cfg.Credentials), Env: s.environment(), Dir: startDir(),
		Files: []*os.File{file}, Guard: s.guard,
		Started: lines.started, Output: lines.write,
	})
	if err != nil {
		return nil, errors.Join(err, board.Close())
	}
	p.osProcess = child
	if p.link, err = link.New(p.Control()); err != nil {
		return nil, errors.Join(err, p.Kill(), p.dispose())
	}
	go s.monitor(p)
	return p, nil
}

// environment returns the environment of worker processes, in which handlers, and what
// they start, find no credential. A process finds the
// first value of a name that comes more than once, but the last is to stand.
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

// order sends the process an order, and does not wait. One that does not read is stuck,
// and will be killed rather than drained.
func (p *process) order(o order) { p.orderWith(nil, o) }

// orderWith sends an order with a file, unless that is nil, which belongs to the link then.
func (p *process) orderWith(file *os.File, o order) {
	data, err := json.Marshal(o)
	if err != nil {
		panic(err) // no field of it can fail
	}
	_ = p.link.Send(link.KindOrder, file, func(dst []byte) []byte { return append(dst, data...) })
}

// leave has the process finish the task it runs, and leave.
func (p *process) leave(why consumer.Leaving) { p.order(order{Drain: why}) }

// tellHandedOff tells the process that the outcome of a task is in safe hands, or
// cannot be.
func (p *process) tellHandedOff(run uint64, index int, err error) {
	handed := handedOff{Run: run, Index: index}
	if err != nil {
		handed.Error = err.Error()
	}
	p.order(order{HandedOff: &handed})
}

// wakeSlot has the process's slot look at limits, and at what to stop.
func (p *process) wakeSlot() {
	select {
	case p.look <- struct{}{}:
	default: // it is about to
	}
}

// stillRuns reports whether a task still runs.
func (p *process) stillRuns(task runIndex) bool {
	progress := p.board.Look(task.run, scoreboard.MaxTasks)
	return progress.Running() && progress.Begun-1 == task.index
}

// dispose frees what belonged to a dead process.
func (p *process) dispose() error {
	p.mu.Lock()
	endValue, client := p.endValue, p.client
	p.mu.Unlock()
	if client != nil {
		client.Close()
	}
	if endValue != nil {
		endValue()
	}
	return errors.Join(p.Control().Close(), p.board.Close())
}

// ending is what the supervisor did to end a process, the first time that it did. The
// zero value is nothing.
type ending struct {
	cause    codec.Cause
	why      string         // in words that follow "killed by signal SIGKILL, "
	task     runIndex       // that it was to stop, if that was why
	signal   syscall.Signal // that was sent for that task; SIGKILL otherwise
	unneeded bool           // its slot goes, and it had done nothing: no cause, but expected
}

// noteEnding notes what the supervisor is about to do to end the process. The first
// reason is the one that stands.
func (p *process) noteEnding(e ending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending == (ending{}) || e.task.run != 0 && p.ending.task == e.task {
		p.ending = e
	}
}

// end kills a process with all that it has started, and notes why, if it is for a reason
// of the process's own.
func (s *Supervisor) end(p *process, e ending) {
	p.noteEnding(e)
	if err := p.Kill(); err != nil {
		s.cfg.Logger.Debug("killing a worker process", "pid", p.PID(), "error", err)
	}
}
