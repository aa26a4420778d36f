package proc

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// wait waits for the death, calls dead while the process still is a zombie, so
// that neither its id nor its group's can have been given to another, and reaps
// it.
func (p *Process) wait(dead func()) *os.ProcessState {
	for unix.Waitid(unix.P_PID, p.PID(), nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	dead()
	return p.reap()
}

// reap collects the dead process. From then on its id may be another's.
func (p *Process) reap() *os.ProcessState {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
	state, err := p.process.Wait()
	if err != nil {
		return nil // somebody else in this program waits for any child
	}
	return state
}
