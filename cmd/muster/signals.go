package main

import (
	"io"
	"log"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/musterfleet/muster/internal/outlet"
)

// outlives is set for a program that goes on when nobody reads its stdout any more.
var outlives atomic.Bool

// watchPipes keeps the program from ending when nobody reads its stderr any more: what
// it does matters more than what it tells. A program whose stdout nobody reads any
// more ends, as a filter does, unless [outliveReaders] was called.
func watchPipes() {
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	go func() {
		for range broken {
			if !outlives.Load() && stdoutBroken() {
				dieOfBrokenPipe()
			}
		}
	}()
}

// stderr is where the program reports and logs.
var stderr io.Writer = os.Stderr

// flushTimeout bounds the wait for the reader of stderr when the program ends.
const flushTimeout = time.Second

// becomeService is for a program that goes on until it is told to end: it outlives the
// readers of its output, and does not wait for one that stops reading its log.
func becomeService() {
	outliveReaders()
	stderr = outlet.New(os.Stderr)
	log.SetOutput(stderr) // that of slog.Default too
}

// flushStderr waits for the reader of stderr, but not for long.
func flushStderr() {
	if w, ok := stderr.(*outlet.Writer); ok {
		w.Flush(flushTimeout)
	}
}

// outliveReaders has the program go on when nobody reads its stdout any more either.
func outliveReaders() { outlives.Store(true) }

// stdoutBroken reports whether stdout is a pipe or a socket that nobody reads.
func stdoutBroken() bool {
	fds := []unix.PollFd{{Fd: int32(os.Stdout.Fd())}}
	for {
		n, err := unix.Poll(fds, 0)
		if err == unix.EINTR {
			continue
		}
		return n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
	}
}

// notifyHangups returns a channel that gets a SIGHUP. A program that was started to
// ignore them, as by nohup, goes on to ignore them.
func notifyHangups() <-chan os.Signal {
	hangups := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(hangups, syscall.SIGHUP)
	}
	return hangups
}
