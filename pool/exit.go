package pool

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

// Death tells how a worker process ended.
type Death struct {
	PID      int
	ExitCode int    // exit status, or -1 if a signal ended it
	Signal   string // such as "SIGKILL", or empty
	Cause    string // the above and OutOfMemory in words, and why the supervisor did it, if it did
	// OutOfMemory and Stderr are as in codec.WorkerDiedError.
	OutOfMemory bool
	Stderr      string
	Running     bool // a task was running, and was charged an attempt
	Expected    bool // it left in good order (drained, recycled or idle), or was killed by Kill
}

// exit is the record of a process that has died: who ended it and why, and what it ran.
// Its slot makes it, and nobody changes it after [Supervisor.noteAttempt].
type exit struct {
	*process
	slot *slot
	reported
	ready  bool        // it has been
	ending ending      // what the supervisor did
	stop   stopRequest // the latest task that it was to stop
	ran    *attempt    // nil if nothing ran
}

// howEnded returns what the supervisor did to end the process, and the latest task that
// it was to stop.
func (p *process) howEnded() (ending, stopRequest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ending, p.stop
}

// isExplained reports whether the death is no sign that the next process will die early,
// too: it left in good order, its task is charged for it, or the supervisor killed it.
// Tasks that kill their processes do not have processes started without end: each has an
// attempt less with every death.
func (x *exit) isExplained() bool {
	return x.left != "" || x.ran.isCharged() || x.ending.cause != "" && x.ending.cause != codec.CauseUnready
}

// endedBySupervisor reports whether the supervisor's signal was what ended the process,
// and not something else before.
func (x *exit) endedBySupervisor() bool {
	e := x.Exit()
	switch {
	case x.ending.cause == "":
		return false
	case x.ending.task.run != 0: // a Go process that SIGQUIT ends has exit status 2
		return e.Signal == syscall.SIGKILL || e.Signal == syscall.SIGQUIT || e.Code == 2
	}
	return e.Signal == syscall.SIGKILL
}

// death returns the record in the words of the pool's user. The process has exited.
func (x *exit) death(charged, killing bool) Death {
	e := x.Exit()
	d := Death{
		PID: e.PID, ExitCode: e.Code, Signal: signalName(e.Signal), Cause: e.String(), OutOfMemory: e.OutOfMemory,
		Stderr: e.Stderr, Running: charged,
		Expected: killing || x.ending.unneeded || x.left != "" && e.Code == 0 && !charged,
	}
	if x.endedBySupervisor() {
		sig := syscall.SIGKILL
		if x.ending.task.run != 0 {
			sig = x.ending.signal
		}
		d.Cause = "killed by signal " + signalName(sig) + ", " + x.ending.why
		d.OutOfMemory = x.ending.cause == codec.CauseMemoryLimit
	}
	return d
}

// cause returns why the process died, as a word for counting.
func (x *exit) cause(unready error) codec.Cause {
	e := x.Exit()
	switch {
	case x.endedBySupervisor():
		return x.ending.cause
	case x.ran.isStopped(): // it ended when it was asked to stop its task
		cause, _ := x.stop.cause()
		return cause
	case e.OutOfMemory:
		return codec.CauseOutOfMemory
	case unready != nil:
		return codec.CauseUnready
	case e.Signal != 0:
		return codec.CauseSignal
	}
	return codec.CauseExit
}

// startError returns why the process was never ready, nil if it was.
func (x *exit) startError() error {
	e := x.Exit()
	switch {
	case x.ready || x.left != "" || x.ending.unneeded:
		return nil
	case e.Code == exitNoMain && strings.Contains(e.Stderr, ErrNoMain.Error()):
		return ErrNoMain
	case e.Code == 0 && !x.main:
		return fmt.Errorf("%w: a worker process ended with exit status 0 before it reached pool.Main", ErrNoMain)
	case x.failed != "":
		return fmt.Errorf("%w: %s", ErrNotReady, x.failed)
	}
	cause := x.death(false, false).Cause
	if e.Stderr != "" {
		return fmt.Errorf("%w: %s; its stderr ends:\n%s", ErrNotReady, cause, e.Stderr)
	}
	return fmt.Errorf("%w: %s", ErrNotReady, cause)
}

// handleExit decides what becomes of the task of a process that has died, reports the
// death, and frees what belonged to the process. Its error says why the process was
// never ready, if so.
func (s *Supervisor) handleExit(x *exit) (unready error) {
	// The task first: somebody may wait for it, and the process's output may take a
	// moment to end.
	charged := x.ran != nil && s.recover(x)
	<-x.Exited()
	death := x.death(charged, s.isKilling())
	unready = x.startError()
	switch {
	case death.Expected:
	case unready != nil:
		s.cfg.Logger.Error("a worker process was never ready", "pid", death.PID, "error", unready)
		// SIGKILL is somebody else's doing, and says nothing of the program.
		if death.Signal != "SIGKILL" || death.OutOfMemory || x.ending.cause == codec.CauseUnready {
			s.noteStartFailure(unready)
		}
	default:
		s.reportDeath(x, death)
	}
	s.recordDeath(x, death, unready)
	if s.cfg.Listener.Died != nil {
		s.cfg.Listener.Died(death)
	}
	if err := x.dispose(); err != nil {
		s.cfg.Logger.Debug("disposing of a worker process", "pid", death.PID, "error", err)
	}
	return unready
}

// reportDeath tells the log, and the observer of attempts if there is one, of a death and
// what ran then.
func (s *Supervisor) reportDeath(x *exit, death Death) {
	message := "a worker process died"
	if x.ending.cause != "" {
		message = "a worker process was killed"
	}
	logger := s.cfg.Logger.With("pid", death.PID, "cause", death.Cause, "task_running", death.Running)
	if ran := x.ran; ran.isCharged() {
		logger = logger.With("task", ran.id.String(), "func", ran.task.Func, "attempt", ran.number)
		failure := death.failure(s.cfg.Host, ran.number)
		failure.Code = ran.code
		consumer.ObserveDeath(consumer.Attempt{
			Info:  consumer.Info{ID: ran.id, Func: ran.task.Func, Attempt: ran.number, Header: ran.task.Header},
			Queue: s.scheduler.queueOf(ran.d), Host: s.cfg.Host, PID: death.PID, Stored: ran.stored, Began: ran.began, Died: true,
		}, failure)
	}
	logger.Warn(message)
}

const (
	maxLatest = 8       // deaths that are remembered one by one
	maxStderr = 1 << 10 // bytes of each one's
)

// deathHistory is what a supervisor remembers of unexpected deaths. It is under
// Supervisor.mu.
type deathHistory struct {
	counts map[codec.Cause]uint64
	latest []codec.ProcessDeath
}

// recordDeath notes how a process ended, for the host's status.
func (s *Supervisor) recordDeath(x *exit, death Death, unready error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if death.Expected {
		x.slot.died = nil
		return
	}
	record := codec.ProcessDeath{
		Place: x.slot.number, PID: death.PID, At: time.Now(), Cause: x.cause(unready), Text: death.Cause,
		Stderr: strings.ToValidUTF8(death.Stderr[max(len(death.Stderr)-maxStderr, 0):], ""),
	}
	if x.ran.isCharged() {
		record.Task, record.Func = x.ran.id.String(), x.ran.task.Func
	}
	x.slot.died = &record
	s.deaths.counts[record.Cause]++
	s.deaths.latest = append(s.deaths.latest, record)
	s.deaths.latest = s.deaths.latest[max(len(s.deaths.latest)-maxLatest, 0):]
}

// failure is the outcome of a task whose process died once too often.
func (d Death) failure(host string, attempt int) *codec.Failure {
	return &codec.Failure{
		Code: codec.CodeWorkerDied, Message: d.Cause, Host: host, PID: d.PID, Attempt: attempt,
		ExitCode: d.ExitCode, Signal: d.Signal, OutOfMemory: d.OutOfMemory, Stderr: d.Stderr,
	}
}

func signalName(s syscall.Signal) string {
	if s == 0 {
		return ""
	}
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return s.String()
}
