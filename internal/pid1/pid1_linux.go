package pid1

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// exitNoChild is the status if there is no child, or none any more.
const exitNoChild = 70

// keep is the life of process 1. It returns the status to end with.
func keep(args []string, dir string) (status int, err error) {
	// A channel of its own, so that other signals cannot crowd it out. One place
	// is enough: whoever finds it taken is reaped when it is read.
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	signals := make(chan os.Signal, 16)
	signal.Notify(signals)

	child, err := start(args, dir)
	if err != nil {
		return exitNoChild, fmt.Errorf("starting again: %w", err)
	}
	for {
		select {
		case <-ended:
			if state, found := reap(child); found {
				return exitStatus(state), nil
			}
		case s := <-signals:
			if concerns(s) {
				_ = syscall.Kill(child, s.(syscall.Signal)) // it may just have ended
			}
		}
	}
}

// start runs this program in a process group of its own, which a terminal's keys
// reach without us.
func start(args []string, dir string) (pid int, err error) {
	terminal := term.IsTerminal(int(os.Stdin.Fd()))
	return syscall.ForkExec("/proc/self/exe", args, &syscall.ProcAttr{
		Dir:   dir,
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: !terminal, Foreground: terminal},
	})
}

// concerns reports whether a signal is for the child: not those which tell of
// children, nor those which this process causes itself.
func concerns(s os.Signal) bool {
	return s != syscall.SIGCHLD && s != syscall.SIGURG && s != syscall.SIGPIPE
}

// reap reaps all that have ended, and reports whether the child is among them.
func reap(child int) (state syscall.WaitStatus, found bool) {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil || pid == 0:
			return state, found
		case pid == child:
			state, found = ws, true
		}
	}
}

func exitStatus(state syscall.WaitStatus) int {
	if state.Signaled() {
		return 128 + int(state.Signal())
	}
	return state.ExitStatus()
}
