package chaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// program is a process of its own that plays a role.
type program struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{}
	err    error // valid once exited

	mu     sync.Mutex
	doomed bool // it has been told to end, or killed
}

// outputTimeout is how long a program's output may stay open after its end, by
// what it has started.
const outputTimeout = 5 * time.Second

// startProgram starts this executable in a role. Hear is called with each line
// that it prints, on a goroutine of the program's.
func (f *fleet) startProgram(p params, hear func(string)) (*program, error) {
	encoded, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(f.path(p.Role+p.Host+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	started := &program{cmd: exec.Command(os.Args[0]), exited: make(chan struct{})}
	started.cmd.Env = append(os.Environ(),
		paramsEnv+"="+string(encoded), markerEnv+"="+f.marker, historyEnv+"="+f.path(historyFile), hostEnv+"="+p.Host,
		"TMPDIR="+f.dir, "GORACE=atexit_sleep_ms=0")
	started.cmd.Stderr = log
	started.cmd.WaitDelay = outputTimeout
	if started.stdin, err = started.cmd.StdinPipe(); err != nil { // ends with us, and the program with it
		return nil, err
	}
	stdout, err := started.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := started.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the %s: %w", p.Role, err)
	}
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			hear(lines.Text())
		}
		started.err = started.cmd.Wait()
		close(started.exited)
	}()
	return started, nil
}

// end sends a signal after which the program is expected to end.
func (p *program) end(s os.Signal) {
	p.mu.Lock()
	p.doomed = true
	p.mu.Unlock()
	_ = p.cmd.Process.Signal(s) // it may have ended
}

func (p *program) isDoomed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.doomed
}

// unstarted reports whether the program has given up before it had started.
func (p *program) unstarted() bool {
	var exit *exec.ExitError
	return errors.As(p.err, &exit) && exit.ExitCode() == exitUnstarted
}

// tell sends a line to the program.
func (p *program) tell(line string) { _, _ = io.WriteString(p.stdin, line+"\n") }
