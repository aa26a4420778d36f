package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/musterfleet/muster/consumer"
)

// exitTimeout bounds how long a server that has closed its stdout may take to end.
const exitTimeout = time.Second

// errAnswered is wrapped when a server breaks the protocol by an answer to a request
// that it has answered before.
var errAnswered = errors.New("answered already")

// serverProcess is one process of a server.
type serverProcess struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *os.File
	wire   wire
	ready  chan error // buffered
	name   string     // of the func
	died   func(cause string, state *os.ProcessState)

	last uint64 // id of the latest request

	mu     sync.Mutex
	id     uint64        // of the request that waits for its answer; 0: there is none
	answer chan answered // buffered
	broken bool          // it has broken the protocol: what it writes counts for nothing
}

// answered is what a request has come back with.
type answered struct {
	answer
	err error
}

// startServerProcess starts a server's process. It calls died once if that ends by
// itself after it was ready.
func startServerProcess(c Command, most int64, env []string, died func(string, *os.ProcessState)) (*serverProcess, error) {
	p := &serverProcess{name: c.Name, died: died, ready: make(chan error, 1)}
	p.cmd = &exec.Cmd{
		Path: c.Path, Args: c.Words, Stderr: os.Stderr,
		Env: append(env[:len(env):len(env)], "MUSTER_FUNC="+c.Name),
	}
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, theirs, err := os.Pipe() // Wait would close the command's own too early
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	p.stdin, p.stdout, p.cmd.Stdout, p.wire = stdin, stdout, theirs, newWire(c, stdout, most)
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, stdout.Close())
	}
	go p.listen()
	return p, nil
}

// maxInherited bounds the file descriptors that a supervisor passes on.
const maxInherited = 16

// keepInherited keeps what the supervisor has passed to this process, such as the
// connection that tells of its death, from servers, which start before anybody
// has taken it up.
func keepInherited() {
	for fd := 3; fd < maxInherited; fd++ {
		syscall.CloseOnExec(fd)
	}
}

func (p *serverProcess) pid() int { return p.cmd.Process.Pid }

// ask passes a task to the server and waits for the answer. The error wraps
// ErrArgument, or says how the server has broken the protocol.
func (p *serverProcess) ask(task consumer.Info, arg value) (answer, error) {
	p.last++
	data, err := p.wire.ask(nil, request{ID: p.last, Task: task.ID.String(), Func: task.Func, Attempt: task.Attempt}, arg)
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", ErrArgument, err)
	}
	came := p.begin(p.last)
	// If it does not take the request it has ended, of which listen learns.
	_, _ = p.stdin.Write(data)
	a := <-came
	return a.answer, a.err
}

func (p *serverProcess) begin(id uint64) <-chan answered {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = make(chan answered, 1)
	if p.broken {
		p.answer <- answered{err: errAnswered}
	} else {
		p.id = id
	}
	return p.answer
}

// listen takes the server's answers until it ends, or breaks the protocol.
func (p *serverProcess) listen() {
	first, err := p.wire.next()
	if err == nil && !first.Ready {
		err = fmt.Errorf(`%w: the first should be {"ready": true}`, ErrOutput)
	}
	if err != nil {
		cause, _ := p.cause(err)
		p.ready <- errors.New(cause)
		return
	}
	p.ready <- nil
	for {
		a, err := p.wire.next()
		switch {
		case err == nil:
			if !p.settle(a) {
				return
			}
		case errors.Is(err, ErrOutput):
			p.mu.Lock()
			p.fail(err)
			p.mu.Unlock()
			return
		default:
			p.died(p.cause(err))
			return
		}
	}
}

// settle passes an answer to the call that waits for it, and reports whether one does.
// Otherwise the server has broken the protocol, which is known before the next call
// begins: that has nothing to do with it.
func (p *serverProcess) settle(a answer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.check(a); err != nil {
		p.fail(err)
		return false
	}
	p.id = 0
	p.answer <- answered{answer: a}
	return true
}

// check returns an error that wraps ErrOutput if an answer is not that of the request
// that waits; p.mu is held.
func (p *serverProcess) check(a answer) error {
	switch {
	case p.id == 0:
		return fmt.Errorf("%w: %s: there is no request that waits for an answer", ErrOutput, a.show())
	case a.ID == 0:
		return fmt.Errorf("%w: %s: it has no id; that of the request is %d", ErrOutput, a.show(), p.id)
	case a.ID == p.id-1:
		return fmt.Errorf("%w: %s: request %d: %w", ErrOutput, a.show(), a.ID, errAnswered)
	case a.ID != p.id:
		return fmt.Errorf("%w: %s: the id is %d; that of the request is %d", ErrOutput, a.show(), a.ID, p.id)
	}
	return nil
}

// fail has the request that waits fail, since the server has broken the protocol. If
// there is none it says so on stderr, and the server is replaced before the next. p.mu
// is held.
func (p *serverProcess) fail(err error) {
	id := p.id
	p.id, p.broken = 0, true
	p.stdin.Close() // a server that does not read it holds up who writes
	if id == 0 {
		fmt.Fprintf(os.Stderr, "muster: the server of %s is replaced: %v\n", p.name, err)
		return
	}
	p.answer <- answered{err: fmt.Errorf("the server of %s broke the protocol: %w", p.name, err)}
}

func (p *serverProcess) isBroken() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken
}

// end ends a process that has broken the protocol.
func (p *serverProcess) end() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()         // which is what its killing comes to
	p.stdout.Close()
}

// cause says why the server is of no use any more, and how it ended if it did. Its
// end says more than err.
func (p *serverProcess) cause(err error) (string, *os.ProcessState) {
	if errors.Is(err, ErrOutput) {
		return err.Error(), nil
	}
	overdue := time.AfterFunc(exitTimeout, func() { _ = p.cmd.Process.Kill() }) // it may have ended
	_ = p.cmd.Wait()                                                            // its state tells more
	state := p.cmd.ProcessState
	switch inTime := overdue.Stop(); {
	case state == nil:
		return err.Error(), nil
	case !inTime:
		return "it closed its stdout and went on", state
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("%v; %v", exitOf(state), err), state
	}
	return exitOf(state).Error(), state
}

// exitStatus returns an exit status that says what a shell's would, and 1 where
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
