package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// member is a program of the fleet that is started again whenever it ends.
type member struct {
	fleet  *fleet
	name   string
	params params
	mortal bool // ends by itself when its work is done

	mu      sync.Mutex // held by a fault while it lasts
	retired bool       // it is not to start again

	state   sync.Mutex
	current *program
	workers map[int]*os.Process // of a host: those that are ready and live
	changed chan struct{}       // closed, and made anew, when a worker is ready
}

const (
	// startTimeout bounds how long a member may take to start, whatever is
	// wrong with the rest of the fleet.
	startTimeout = 60 * time.Second
	// endTimeout bounds how long a member may take to end when told to.
	endTimeout = 40 * time.Second
	// again is how long a member waits that has failed to start.
	again = 50 * time.Millisecond
)

func (f *fleet) newMember(name string, p params) *member {
	return &member{fleet: f, name: name, params: p, workers: map[int]*os.Process{}, changed: make(chan struct{})}
}

func (m *member) program() *program {
	m.state.Lock()
	defer m.state.Unlock()
	return m.current
}

// start starts the program, again and again until it is ready: it gives up by
// itself when it finds no broker. m.mu is held.
func (m *member) start(ctx context.Context) error {
	patience, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for !m.retired {
		awake := make(chan struct{})
		p, err := m.fleet.startProgram(m.params, m.hear(awake))
		if err != nil {
			return err
		}
		m.state.Lock()
		m.current = p
		m.state.Unlock()
		select {
		case <-awake:
			go m.watch(ctx, p)
			return nil
		case <-p.exited:
			m.forgetAll()
			pause(ctx, again)
		case <-patience.Done():
			p.end(syscall.SIGKILL)
			<-p.exited
			return fmt.Errorf("starting %s: %w", m.name, context.Cause(patience))
		}
	}
	return nil
}

// hear follows what the program prints. It is ready when it has said so, a host
// for each of its worker processes.
func (m *member) hear(awake chan struct{}) func(string) {
	missing := max(m.params.Processes, 1)
	return func(text string) {
		var pid int
		switch verb, _, _ := strings.Cut(text, " "); verb {
		case "ready":
			if _, err := fmt.Sscanf(text, "ready %d", &pid); err == nil {
				m.remember(pid)
			}
			if missing--; missing == 0 {
				close(awake)
			}
		case "died":
			if _, err := fmt.Sscanf(text, "died %d", &pid); err == nil {
				m.forget(pid)
			}
		case "done":
			var done int
			if _, err := fmt.Sscanf(text, "done %d", &done); err == nil {
				m.fleet.clock.advance(done)
			}
		}
	}
}

// watch notes when the program ends unasked. One that was not quite up, and gave
// up, is started again.
func (m *member) watch(ctx context.Context, p *program) {
	<-p.exited
	m.forgetAll()
	switch {
	case p.isDoomed(), m.mortal && p.err == nil:
	case p.unstarted():
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.program() != p {
			return // a fault was quicker
		}
		if err := m.start(ctx); err != nil && ctx.Err() == nil {
			m.fleet.history.add(record{Event: left, Note: err.Error()})
		}
	default:
		m.fleet.history.add(record{Event: left, Note: fmt.Sprintf("%s has ended unasked: %v", m.name, p.err)})
	}
}

// replace ends the program by a signal, and starts it again after a while.
func (m *member) replace(ctx context.Context, s syscall.Signal, after time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end(s)
	if m.mortal && m.program().err == nil {
		return nil // its work was done
	}
	pause(ctx, after)
	return m.start(ctx)
}

// tell sends a line to the program, and not to one that is being replaced.
func (m *member) tell(line string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.program().tell(line)
}

// retire ends the program by a signal, for good.
func (m *member) retire(s syscall.Signal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.retired = true
	m.end(s)
}

// end ends the program by a signal, and returns when it is gone. m.mu is held.
func (m *member) end(s syscall.Signal) {
	p := m.program()
	if p == nil {
		return
	}
	p.end(s)
	timer := time.NewTimer(endTimeout)
	defer timer.Stop()
	select {
	case <-p.exited:
		if s == syscall.SIGTERM && p.err != nil && !p.unstarted() {
			m.fleet.history.add(record{Event: left, Note: fmt.Sprintf("%s has not ended in good order: %v", m.name, p.err)})
		}
	case <-timer.C:
		p.end(syscall.SIGKILL)
		<-p.exited
		m.fleet.history.add(record{Event: left, Note: fmt.Sprintf("%s did not end within %v", m.name, endTimeout)})
	}
}

func (m *member) remember(pid int) {
	p, err := os.FindProcess(pid) // by a descriptor, so that it is never another
	if err != nil {
		return
	}
	m.state.Lock()
	defer m.state.Unlock()
	if before := m.workers[pid]; before != nil {
		_ = before.Release()
	}
	m.workers[pid] = p
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *member) forget(pid int) {
	m.state.Lock()
	defer m.state.Unlock()
	if p := m.workers[pid]; p != nil {
		_ = p.Release()
	}
	delete(m.workers, pid)
}

func (m *member) forgetAll() {
	m.state.Lock()
	defer m.state.Unlock()
	for _, p := range m.workers {
		_ = p.Release()
	}
	clear(m.workers)
}

var errNoWorker = errors.New("no worker process became ready")
