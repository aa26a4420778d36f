package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

const (
	// readyPatience is how long servers may take to say that they are ready, all
	// together. The supervisor waits longer, but could not say for what.
	readyPatience = 25 * time.Second
	// exitPatience is how long a server that has closed its stdout may take to
	// end.
	exitPatience = time.Second
)

// server is a command that goes on running and is passed one task after the
// other. It lives as long as its worker process: when it ends, or says what it
// should not, so does the process, which is how the supervisor learns of it and
// how its task is tried in a fresh one.
type server struct {
	Command
	cmd   *exec.Cmd
	stdin io.WriteCloser
	wire  wire
	ready chan error // buffered

	mu      sync.Mutex // held during a call
	last    uint64     // id of the latest request
	pending pending
}

// pending is the request that waits for its answer.
type pending struct {
	mu     sync.Mutex
	id     uint64 // 0: there is none
	answer chan answer
}

// startServer starts a server, whose stderr is that of this process.
func startServer(c Command, most int64, env []string) (*server, error) {
	keepInherited()
	s := &server{Command: c, ready: make(chan error, 1)}
	s.cmd = &exec.Cmd{
		Path: c.Path, Args: c.Words, Stderr: os.Stderr,
		Env: append(env[:len(env):len(env)], "MUSTER_FUNC="+c.Name),
	}
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrServer, c.Name, err)
	}
	stdout, theirs, err := os.Pipe() // Wait would close the command's own too early
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrServer, c.Name, err)
	}
	defer theirs.Close()
	s.stdin, s.cmd.Stdout, s.wire = stdin, theirs, newWire(c, stdout, most)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrServer, c.Name, errors.Join(err, stdout.Close()))
	}
	go s.listen()
	return s, nil
}

// mostInherited bounds the file descriptors that a supervisor passes on.
const mostInherited = 16

// keepInherited keeps what the supervisor has passed to this process, such as the
// connection that tells of its death, from servers, which start before anybody
// has taken it up.
func keepInherited() {
	for fd := 3; fd < mostInherited; fd++ {
		syscall.CloseOnExec(fd)
	}
}

// awaitReady waits until the server has said that it is ready, or it is late.
func (s *server) awaitReady(late <-chan time.Time) error {
	select {
	case err := <-s.ready:
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrServer, s.Name, err)
		}
		return nil
	case <-late:
		return fmt.Errorf(`%w: %s: it did not write {"ready": true} within %v`, ErrServer, s.Name, readyPatience)
	}
}

// listen takes the server's answers until it ends.
func (s *server) listen() {
	first, err := s.wire.next()
	if err == nil && !first.Ready {
		err = fmt.Errorf(`%w: the first should be {"ready": true}`, ErrOutput)
	}
	if err != nil {
		s.ready <- errors.New(s.cause(err))
		return
	}
	s.ready <- nil
	for {
		a, err := s.wire.next()
		if err == nil {
			err = s.pending.settle(a)
		}
		if err != nil {
			s.die(s.cause(err))
		}
	}
}

// cause says why the server is of no use any more. If it is at its end, that says
// more than err.
func (s *server) cause(err error) string {
	if errors.Is(err, ErrOutput) {
		return err.Error()
	}
	overdue := time.AfterFunc(exitPatience, func() { _ = s.cmd.Process.Kill() }) // it may have ended
	_ = s.cmd.Wait()                                                             // its state tells more
	switch inTime := overdue.Stop(); {
	case s.cmd.ProcessState == nil:
		return err.Error()
	case !inTime:
		return "it closed its stdout and went on"
	}
	return exitOf(s.cmd.ProcessState).Error()
}

// die ends this process as its server has ended.
func (s *server) die(cause string) {
	fmt.Fprintf(os.Stderr, "muster: the server of %s ended: %s\n", s.Name, cause)
	os.Exit(exitStatus(s.cmd.ProcessState))
}

// exitStatus gives an exit status that says what a shell's would, and 1 where
// that is none of a failure.
func exitStatus(state *os.ProcessState) int {
	if state == nil {
		return 1
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return max(state.ExitCode(), 1)
}

// call passes a task to the server. A context that ends is nothing to a server:
// when its time is up the supervisor ends the process, and the server with it.
func (s *server) call(ctx context.Context, arg value) (value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	task, _ := consumer.Task(ctx)
	s.last++
	data, err := s.wire.ask(nil, request{ID: s.last, Task: task.ID.String(), Func: task.Func, Attempt: task.Attempt}, arg)
	if err != nil {
		return nil, codec.Final(fmt.Errorf("%w: %w", ErrArgument, err))
	}
	answered := s.pending.begin(s.last)
	// If it does not take the request it has ended, of which listen learns.
	_, _ = s.stdin.Write(data)
	a := <-answered
	if a.Error == nil {
		return a.Value, nil
	}
	if err = errors.New(*a.Error); a.Final {
		err = codec.Final(err)
	}
	return nil, err
}

func (p *pending) begin(id uint64) <-chan answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.id, p.answer = id, make(chan answer, 1)
	return p.answer
}

// settle gives an answer to whom it is for. The error wraps ErrOutput if that is
// nobody, or if it says nothing or two things at once.
func (p *pending) settle(a answer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.id == 0:
		return fmt.Errorf("%w: an answer with id %d that nobody waits for", ErrOutput, a.ID)
	case a.ID != p.id:
		return fmt.Errorf("%w: an answer with id %d; that of the request is %d", ErrOutput, a.ID, p.id)
	case (a.Value == nil) == (a.Error == nil):
		return fmt.Errorf("%w: an answer needs either value or error", ErrOutput)
	}
	p.id = 0
	p.answer <- a
	return nil
}
