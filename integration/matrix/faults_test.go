package matrix

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

// effect is what a fault does to its process.
type effect int

const (
	dies effect = iota
	freezes
	survives
)

// fault is a row of the matrix, and befalls the process that has the task.
type fault struct {
	name   string
	env    []string // that the victim needs to suffer it
	strike func(*testing.T, context.Context, *puppet) (started []int)
	effect
	cause codec.WorkerDiedError // of those that die: how, with part of Stderr
}

var faults = []fault{
	{name: "SIGKILL", strike: signal(syscall.SIGKILL), cause: codec.WorkerDiedError{ExitCode: -1, Signal: "SIGKILL"}},
	// Go's runtime reports this signal and exits.
	{name: "SIGSEGV", strike: signal(syscall.SIGSEGV), cause: codec.WorkerDiedError{ExitCode: 2, Stderr: "SIGSEGV: segmentation violation"}},
	{name: "exit 0", strike: told("exit 0")},
	{name: "exit 1", strike: told("exit 1"), cause: codec.WorkerDiedError{ExitCode: 1}},
	{name: "out of memory", strike: told("out of memory"), cause: codec.WorkerDiedError{ExitCode: 2, OutOfMemory: true, Stderr: "fatal error: "}},
	{name: "SIGSTOP", effect: freezes, strike: stop},
	{
		name: "busy loop", effect: freezes, strike: toldAndDone("busy loop"),
		// So that one loop keeps everything in the process from running, its
		// handling of signals included.
		env: []string{"GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1"},
	},
	{name: "grandchild left running", strike: leaveGrandchild, cause: codec.WorkerDiedError{ExitCode: 3}},
	{name: "closed stdio", effect: survives, strike: toldAndDone("closed stdio")},
}

// inside is what a puppet can do to itself.
var inside = map[string]func(){
	"exit 0": func() { os.Exit(0) },
	"exit 1": func() { os.Exit(1) },
	"exit 3": func() { os.Exit(3) },
	"out of memory": func() {
		_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20})
		for taken := [][]byte{}; ; taken = append(taken, make([]byte, 64<<20)) {
		}
	},
	"busy loop": func() {
		runtime.LockOSThread()
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 19) // the other cases want to run, too
		say(word{Said: "done"})
		for spun := 0; ; spun++ {
		}
	},
	"grandchild": func() {
		child := exec.Command("sleep", "3600")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr // which it keeps open
		must(child.Start())
		say(word{Said: "done", PID: child.Process.Pid})
	},
	"closed stdio": func() {
		for fd := range 3 {
			must(syscall.Close(fd))
		}
		say(word{Said: "done"})
	},
}

func signal(s syscall.Signal) func(*testing.T, context.Context, *puppet) []int {
	return func(t *testing.T, _ context.Context, p *puppet) []int {
		t.Helper()
		require.NoError(t, syscall.Kill(p.PID, s))
		return nil
	}
}

func stop(t *testing.T, _ context.Context, p *puppet) []int {
	t.Helper()
	freeze(t, p.PID)
	return nil
}

// freeze stops a process, and returns when it has stopped.
func freeze(t *testing.T, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	require.Eventually(t, func() bool {
		state, _ := stat(pid)
		return state == "T"
	}, patience, time.Millisecond)
}

func told(order string) func(*testing.T, context.Context, *puppet) []int {
	return func(_ *testing.T, _ context.Context, p *puppet) []int {
		p.tell(order)
		return nil
	}
}

func toldAndDone(order string) func(*testing.T, context.Context, *puppet) []int {
	return func(t *testing.T, ctx context.Context, p *puppet) []int {
		t.Helper()
		p.tell(order)
		p.hear(t, ctx, "done")
		return nil
	}
}

func leaveGrandchild(t *testing.T, ctx context.Context, p *puppet) []int {
	t.Helper()
	child := startGrandchild(t, ctx, p)
	p.tell("exit 3")
	return []int{child}
}

func startGrandchild(t *testing.T, ctx context.Context, p *puppet) (pid int) {
	t.Helper()
	p.tell("grandchild")
	pid = p.hear(t, ctx, "done")
	state, _ := stat(pid)
	require.NotEmpty(t, state, "the grandchild does not run")
	// The one who starts a process hears that it runs a moment before the kernel shows its
	// environment, by which the test knows it.
	require.Eventually(t, func() bool {
		environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		return err == nil && len(environment) > 0
	}, patience, time.Millisecond)
	return pid
}
