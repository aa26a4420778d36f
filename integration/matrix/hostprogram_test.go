package matrix

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/pool"
)

// hostEnv holds, in the environment of a program that is a host, its parameters as
// JSON.
const hostEnv = "MATRIX_HOST"

type hostParams struct{ URL, Queue, Strings string }

// playHost makes this process a host with one process. It prints "ready" when that
// is, does what stdin says, and ends with that: it is the test's.
func playHost(params string) {
	var p hostParams
	must(json.Unmarshal([]byte(params), &p))
	h, err := pool.Start(context.Background(), pool.Config{
		URL: p.URL, Queues: []pool.Queue{{Name: p.Queue}}, Processes: 1, Host: "host",
		Env:    []string{stringsEnv + "=" + p.Strings},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Stdout: os.Stderr,
		Listener: pool.Listener{Died: func(d pool.Death) {
			if !d.Expected {
				must(fmt.Errorf("a process has died: %+v", d))
			}
		}},
	})
	must(err)
	fmt.Println("ready")
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		go func() {
			must(h.Drain(context.Background()))
			os.Exit(0)
		}()
		for h.Resize(context.Background(), 1) == nil { // until pool.ErrStopped
			time.Sleep(time.Millisecond)
		}
		fmt.Println("draining")
	}
	os.Exit(1)
}

// hostProgram is a host that is a process of its own, so that it can be killed.
type hostProgram struct {
	act    *act
	cmd    *exec.Cmd
	marker string // of it and of what it starts
	orders *os.File
	lines  chan string
	exited chan struct{}
	err    error // valid once exited
}

func (a *act) newHostProgram() *hostProgram {
	a.t.Helper()
	params, err := json.Marshal(hostParams{URL: a.line.url, Queue: a.queue, Strings: a.theatre.address})
	require.NoError(a.t, err)
	file, err := os.Executable()
	require.NoError(a.t, err)
	p := &hostProgram{
		act: a, cmd: exec.Command(file), marker: markerOf(a.queue, "program"),
		lines: make(chan string, 16), exited: make(chan struct{}),
	}
	p.cmd.Env = append(os.Environ(), hostEnv+"="+string(params), markerEnv+"="+p.marker)
	p.cmd.Stderr = a.t.Output()
	p.cmd.WaitDelay = goneWithin
	stdin, orders, err := os.Pipe()
	require.NoError(a.t, err)
	p.cmd.Stdin, p.orders = stdin, orders
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(a.t, err)
	require.NoError(a.t, p.cmd.Start())
	require.NoError(a.t, stdin.Close())
	var read sync.WaitGroup
	read.Go(func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.lines <- lines.Text()
		}
		close(p.lines)
	})
	go func() {
		read.Wait()
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	a.t.Cleanup(func() { p.end(a.t) })
	p.hear("ready")
	return p
}

// end kills the program, if it is still there, and what it has started goes with it.
func (p *hostProgram) end(t *testing.T) {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
	p.orders.Close()
	requireGone(t, "processes of the program are left", goneWithin, func() []int { return marked(p.marker) })
}

// hear waits for the next line that the program prints.
func (p *hostProgram) hear(want string) {
	p.act.t.Helper()
	select {
	case line := <-p.lines:
		require.Equal(p.act.t, want, line)
	case <-p.act.ctx.Done():
		require.FailNow(p.act.t, "the program is silent", "waiting for %q", want)
	}
}

// drain tells the program to drain its host, and to end.
func (p *hostProgram) drain() {
	p.act.t.Helper()
	_, err := fmt.Fprintln(p.orders, "drain")
	require.NoError(p.act.t, err)
}

func (p *hostProgram) signal(s syscall.Signal) {
	p.act.t.Helper()
	require.NoError(p.act.t, p.cmd.Process.Signal(s))
}

// wait waits until the program has ended in good order.
func (p *hostProgram) wait() {
	p.act.t.Helper()
	select {
	case <-p.exited:
		require.NoError(p.act.t, p.err)
	case <-p.act.ctx.Done():
		require.FailNow(p.act.t, "the program does not end")
	}
}
