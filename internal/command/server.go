package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

// readyTimeout bounds how long servers may take to say that they are ready, all
// together. The supervisor waits longer, but could not say for what.
const readyTimeout = 25 * time.Second

// server is a command that goes on running and is passed one task after the other.
// When its process ends so does this one, which is how the supervisor learns of it
// and how its task is tried in a fresh one. One that breaks the protocol is replaced:
// the task that runs fails, and the worker process goes on.
type server struct {
	Command
	most   int64 // bytes of an answer
	env    []string
	others func() []int // process ids of all servers

	mu      sync.Mutex // held during a call, and while the process is replaced
	process *serverProcess
}

// startServer starts a server, whose stderr is that of this process.
func startServer(c Command, most int64, env []string, others func() []int) (*server, error) {
	keepInherited()
	s := &server{Command: c, most: most, env: env, others: others}
	return s, s.start()
}

func (s *server) start() error {
	p, err := startServerProcess(s.Command, s.most, s.env, s.die)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrServer, s.Name, err)
	}
	s.process = p
	return nil
}

// awaitReady waits until the server has said that it is ready, or it is late.
func (s *server) awaitReady(late <-chan time.Time) error {
	select {
	case err := <-s.process.ready:
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrServer, s.Name, err)
		}
		return nil
	case <-late:
		return fmt.Errorf(`%w: %s: it did not write {"ready": true} within %v`, ErrServer, s.Name, readyTimeout)
	}
}

// die ends this process as its server has ended.
func (s *server) die(cause string, state *os.ProcessState) {
	fmt.Fprintf(os.Stderr, "muster: the server of %s ended: %s\n", s.Name, cause)
	os.Exit(exitStatus(state))
}

// call passes a task to the server. A context that ends is nothing to a server:
// when its time is up the supervisor ends the process, and the server with it.
func (s *server) call(ctx context.Context, arg value) (value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process.isBroken() { // since its last answer
		s.replace()
	}
	task, _ := consumer.Task(ctx)
	a, err := s.process.ask(task, arg)
	if errors.Is(err, errAnswered) { // by what it wrote too much, which is not this task's fault
		s.replace()
		a, err = s.process.ask(task, arg)
	}
	switch {
	case errors.Is(err, ErrArgument):
		return nil, codec.Final(err)
	case err != nil:
		s.replace() // before the next task, whose time that would take
		return nil, err
	case a.Bad != nil:
		return nil, fmt.Errorf("%w: the answer of the server of %s: %w", ErrOutput, s.Name, a.Bad)
	case a.Error == nil:
		return a.Value, nil
	}
	if err = errors.New(*a.Error); a.Final {
		err = codec.Final(err)
	}
	return nil, err
}

// replace ends the server's process and starts another.
func (s *server) replace() {
	s.process.end()
	err := endOrphans(s.process.pid(), s.others())
	if err == nil {
		err = s.start()
	}
	if err == nil {
		err = s.awaitReady(time.After(readyTimeout))
	}
	if err != nil {
		s.die(err.Error(), nil)
	}
}
