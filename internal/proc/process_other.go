//go:build unix && !linux

package proc

import (
	"os"
	"syscall"
)

func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// wait reaps the process and then calls dead: there is no portable way to
// notice a death without reaping. In between the process's id may in principle
// be given to another process, but not its group's while a member is left.
func (p *Process) wait(dead func()) *os.ProcessState {
	state, err := p.process.Wait()
	if err != nil {
		state = nil
	}
	dead()
	p.mu.Lock()
	p.reaped = true
	p.mu.Unlock()
	return state
}
