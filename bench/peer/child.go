package peer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopTime is how long a child process may take to end in good order.
const stopTime = 5 * time.Second

// child is a process that a peer has started, with a group of its own. It is
// not reaped before its group has been killed, so that the group's number is
// still its own.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	output *os.File // what stdout reads from
	life   *os.File // ends when the process has, and those that it forked
	errors *tail
	ask    os.Signal // asks it to end; nil: the end of its stdin does
	stop   sync.Once
}

func startChild(cmd *exec.Cmd, ask os.Signal) (_ *child, err error) {
	c := &child{cmd: cmd, ask: ask, errors: &tail{}}
	var theirs [2]*os.File
	if c.output, theirs[0], err = os.Pipe(); err != nil {
		return nil, err
	}
	if c.life, theirs[1], err = os.Pipe(); err != nil {
		c.output.Close()
		theirs[0].Close()
		return nil, err
	}
	defer theirs[0].Close()
	defer theirs[1].Close()
	cmd.Stdout, cmd.Stderr = theirs[0], c.errors
	cmd.ExtraFiles = []*os.File{theirs[1]}
	cmd.WaitDelay = time.Second // for what has left the group with stderr open
	alone(cmd)
	if c.stdin, err = cmd.StdinPipe(); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.output.Close()
		c.life.Close()
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	c.stdout = bufio.NewReaderSize(c.output, 64<<10)
	return c, nil
}

// line reads a line of the child's stdout.
func (c *child) line(ctx context.Context) (string, error) {
	type read struct {
		text string
		err  error
	}
	got := make(chan read, 1)
	go func() {
		text, err := c.stdout.ReadString('\n')
		got <- read{strings.TrimSpace(text), err}
	}()
	select {
	case r := <-got:
		if r.err != nil {
			return "", fmt.Errorf("%s has ended: %s", c.cmd.Path, c.errors)
		}
		return r.text, nil
	case <-ctx.Done():
		return "", fmt.Errorf("waiting for %s: %w", c.cmd.Path, ctx.Err())
	}
}

// discard reads what the child prints, so that it is never held up.
func (c *child) discard() { _, _ = io.Copy(io.Discard, c.stdout) }

func (c *child) pid() int { return c.cmd.Process.Pid }

// end asks the child to end, kills its group when it does not, and returns when
// it is gone.
func (c *child) end() {
	c.stop.Do(func() {
		_ = releaseSignal(c.pid())
		if c.ask != nil {
			_ = c.cmd.Process.Signal(c.ask)
		}
		c.stdin.Close()
		_ = c.life.SetReadDeadline(time.Now().Add(stopTime))
		_, _ = c.life.Read(make([]byte, 1)) // nobody writes: it ends with the process, or in time
		_ = killGroup(c.pid())
		_ = c.cmd.Wait() // how it ended shows in what it printed
		c.output.Close()
		c.life.Close()
	})
}

// stopAll ends children at the same time.
func stopAll(children []*child) {
	var group sync.WaitGroup
	for _, c := range children {
		group.Go(c.end)
	}
	group.Wait()
}

// holdSignal stops a process from running, and releaseSignal lets it run again.
func holdSignal(pid int) error    { return syscall.Kill(pid, syscall.SIGSTOP) }
func releaseSignal(pid int) error { return syscall.Kill(pid, syscall.SIGCONT) }

// killGroup kills what is left of a child and of those that it started.
func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const most = 2000
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-most):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
