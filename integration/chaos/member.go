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

	mu sync.Mutex // held by a fault while it lasts

	state   sync.Mutex
	current *program
	workers map[int]*os.Process // of a host: those that are ready and live
	changed chan struct{}       // closed, and made anew, when a worker is ready
}

const (
	// startPatience bounds how long a member may take to start, whatever is
	// wrong with the rest of the fleet.
	startPatience = 60 * time.Second
	// endPatience bounds how long a member may take to end when told to.
	endPatience = 40 * time.Second
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
// itself when it finds no broker.
func (m *member) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		ready := make(chan struct{})
		p, err := m.fleet.startProgram(m.params, m.hear(ready))
		if err != nil {
			return err
		}
		m.state.Lock()
		m.current = p
		m.state.Unlock()
		select {
		case <-ready:
			go m.watch(p)
			return nil
		case <-p.exited:
			m.forgetAll()
		case <-ctx.Done():
			p.end(syscall.SIGKILL)
			<-p.exited
			return fmt.Errorf("starting %s: %w", m.name, context.Cause(ctx))
		}
	}
}

// hear follows what the program prints. A host is ready when its first process
// is: the others may be dying already.
func (m *member) hear(ready chan struct{}) func(string) {
	once := sync.OnceFunc(func() { close(ready) })
	return func(text string) {
		var pid int
		switch verb, _, _ := strings.Cut(text, " "); verb {
		case "ready":
			if _, err := fmt.Sscanf(text, "ready %d", &pid); err == nil {
				m.remember(pid)
			}
			once()
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

// watch notes when the program ends unasked.
func (m *member) watch(p *program) {
	<-p.exited
	if !p.isDoomed() && (!m.mortal || p.err != nil) {
		m.fleet.history.add(record{Event: left, Note: fmt.Sprintf("%s has ended unasked: %v", m.name, p.err)})
	}
	m.forgetAll()
}

// replace ends the program by a signal, and starts it again after a while.
func (m *member) replace(ctx context.Context, s syscall.Signal, after time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.end(s); err != nil {
		return err
	}
	pause(ctx, after)
	return m.start(ctx)
}

// end ends the program by a signal, and returns when it is gone.
func (m *member) end(s syscall.Signal) error {
	p := m.program()
	if p == nil {
		return nil
	}
	p.end(s)
	timer := time.NewTimer(endPatience)
	defer timer.Stop()
	select {
	case <-p.exited:
		if s == syscall.SIGTERM && p.err != nil {
			m.fleet.history.add(record{Event: left, Note: fmt.Sprintf("%s has not ended in good order: %v", m.name, p.err)})
		}
		return nil
	case <-timer.C:
		p.end(syscall.SIGKILL)
		<-p.exited
		m.fleet.history.add(record{Event: left, Note: fmt.Sprintf("%s did not end within %v", m.name, endPatience)})
		return nil
	}
}

func (m *member) remember(pid int) {
	p, err := os.FindProcess(pid) // by a descriptor, so that it is never another
	if err != nil {
		return
	}
	m.state.Lock()
	defer m.state.Unlock()
	m.workers[pid] = p
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *member) forget(pid int) {
	m.state.Lock()
	defer m.state.Unlock()
	delete(m.workers, pid)
}

func (m *member) forgetAll() {
	m.state.Lock()
	defer m.state.Unlock()
	clear(m.workers)
}

var errNoWorker = errors.New("no worker process became ready")
