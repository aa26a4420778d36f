package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	// grace is how long a command may take to end after SIGTERM. With it the
	// handler is done well before the supervisor loses patience with the process.
	grace = 200 * time.Millisecond
	// drainTime is how long after a command's end its output may go on, if
	// something that could not be killed holds the pipe open.
	drainTime = 2 * time.Second
)

// process is a command while it runs.
type process struct {
	cmd     *exec.Cmd
	ended   chan struct{} // closed when it has, and was waited for
	streams []stream
	stdin   *os.File // nil if it reads none of ours
}

// start starts a command, with its input for stdin or with nothing.
func start(cmd *exec.Cmd, stdout, stderr io.Writer, reads bool, input string) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	var theirs []*os.File
	closeTheirs := func() {
		for _, f := range theirs {
			f.Close()
		}
	}
	fail := func(err error) (*process, error) {
		closeTheirs()
		_ = p.drain() // there is nothing
		hint := ""
		if errors.Is(err, syscall.E2BIG) {
			hint = "; the option stdin passes any length"
		}
		return nil, fmt.Errorf("the command does not start: %w%s", err, hint)
	}
	for _, w := range []io.Writer{stdout, stderr} {
		end, s, err := streamTo(w)
		if err != nil {
			return fail(err)
		}
		theirs, p.streams = append(theirs, end), append(p.streams, s)
	}
	cmd.Stdout, cmd.Stderr = theirs[0], theirs[1]
	if reads {
		r, w, err := os.Pipe()
		if err != nil {
			return fail(err)
		}
		theirs, p.stdin = append(theirs, r), w
		cmd.Stdin = r
	}
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	closeTheirs()
	if reads {
		go func() {
			_, _ = io.WriteString(p.stdin, input) // it need not read all, or anything
			p.stdin.Close()
		}()
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // its state tells more
	}()
	return p, nil
}

// stop asks the command to end, and then makes it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		p.kill()
	}
}

func (p *process) kill() { _ = p.cmd.Process.Kill() } // it may have ended

// drain reads the rest of the output of a command that has ended, and gives up
// what joins it to this process. The error wraps ErrOutput if there may be more.
func (p *process) drain() (err error) {
	if p.stdin != nil {
		p.stdin.Close()
	}
	for _, s := range p.streams {
		_ = s.SetReadDeadline(time.Now().Add(drainTime)) // pipes have deadlines
	}
	for _, s := range p.streams {
		<-s.done
		s.Close()
		if errors.Is(*s.err, os.ErrDeadlineExceeded) {
			err = fmt.Errorf("%w: something that the command has left behind holds it open", ErrOutput)
		}
	}
	return err
}
