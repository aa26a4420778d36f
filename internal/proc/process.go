// Package proc keeps operating-system processes for a supervisor: it starts
// them, passes on their output, notices their death, and sees to it that what
// they started goes with them, also when the supervisor itself dies.
package proc

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// drainTime is how long after a process's death its output is still read, if
// something it started holds the pipe open.
const drainTime = 250 * time.Millisecond

// Process is one child process, leader of its own process group. All methods
// are safe for concurrent use.
type Process struct {
	process  *os.Process
	control  net.Conn
	output   output
	guard    *Guard
	oomKills *oomKills

	mu     sync.Mutex // held while the group is signalled or the process reaped
	reaped bool
	killed bool // by us, while it lived

	died   chan struct{}
	exited chan struct{}
	exit   Exit
}

// Start starts a process. On Linux it is killed when the supervisor dies, and
// with a Guard its whole group is, on every Unix. The error is ErrGuardClosed
// after the Guard's Close.
func Start(spec Spec) (*Process, error) {
	p := &Process{
		guard:    spec.Guard,
		output:   output{deliver: spec.Output},
		oomKills: ownOOMKills(), // before it can be killed
		died:     make(chan struct{}),
		exited:   make(chan struct{}),
	}
	if err := p.start(spec); err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Path, err)
	}
	var guarded error
	if p.guard != nil {
		guarded = p.guard.addGroup(p.PID())
	}
	go p.keep()
	if guarded != nil {
		p.Kill()
		<-p.exited
		p.control.Close()
		return nil, fmt.Errorf("starting %s: %w", spec.Path, guarded)
	}
	return p, nil
}

func (p *Process) start(spec Spec) (err error) {
	var theirs, ours []*os.File
	defer func() {
		closeAll(theirs)
		if err != nil {
			closeAll(ours)
			if p.control != nil {
				p.control.Close()
			}
		}
	}()

	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	theirs = append(theirs, null)
	for range []Stream{Stdout, Stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		ours, theirs = append(ours, r), append(theirs, w)
	}
	control, child, err := SocketPair()
	if err != nil {
		return err
	}
	p.control, theirs = control, append(theirs, child)

	attr := &os.ProcAttr{
		Dir:   spec.Dir,
		Env:   append([]string{}, spec.Env...), // nil would stand for our own
		Files: append(theirs[:len(theirs):len(theirs)], spec.Files...),
		Sys:   sysProcAttr(),
	}
	err = launch.fork(func() (err error) {
		p.process, err = os.StartProcess(spec.Path, spec.Args, attr)
		return err
	})
	if err != nil {
		return err
	}
	if spec.Started != nil {
		spec.Started(p.PID())
	}
	p.output.read(Stdout, ours[0])
	p.output.read(Stderr, ours[1])
	return nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// PID returns the process's id, which is also its group's.
func (p *Process) PID() int { return p.process.Pid }

// Control returns our end of a connection to the process, whose end is
// ControlConn there. The caller closes it.
func (p *Process) Control() net.Conn { return p.control }

// Signal sends a signal to the process and to nothing it started. The error is
// os.ErrProcessDone once the process is gone.
func (p *Process) Signal(sig os.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = p.killed || sig == syscall.SIGKILL
	return p.process.Signal(sig)
}

// Kill sends SIGKILL to the process and everything in its group. The error is
// os.ErrProcessDone once they are gone.
func (p *Process) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	return p.killGroup()
}

// killGroup kills what there is of the group; p.mu is held.
func (p *Process) killGroup() error {
	if p.reaped {
		return os.ErrProcessDone
	}
	err := syscall.Kill(-p.PID(), syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// Died is closed the moment the process's death is noticed. Its scoreboard is
// final from then on; its output may still be on the way.
func (p *Process) Died() <-chan struct{} { return p.died }

// Exited is closed when the process is dead and reaped, its group killed, and
// its output read to the end, or for 250 ms if something that left the group
// holds it open.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Exit returns how the process ended. It is valid once Exited is closed.
func (p *Process) Exit() Exit { return p.exit }

// keep stays with the process to its end.
func (p *Process) keep() {
	var deadline time.Time
	var killed bool
	state := p.wait(func() {
		deadline = time.Now().Add(drainTime)
		close(p.died)
		p.mu.Lock()
		killed = p.killed
		_ = p.killGroup() // what is left of it, if anything is
		p.mu.Unlock()
		if p.guard != nil {
			p.guard.dropGroup(p.PID())
		}
	})
	p.output.finish(deadline)
	p.exit = newExit(p.PID(), state)
	p.exit.Stderr = p.output.words.String()
	switch {
	case p.exit.Signal == syscall.SIGKILL:
		p.exit.OutOfMemory = !killed && p.oomKills.explain()
	case p.exit.Code != 0:
		p.exit.OutOfMemory = p.output.words.report.outOfMemory()
	}
	launch.release()
	close(p.exited)
}
