package pool

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// maxSignals is how many signals may wait while one is obeyed.
const maxSignals = 16

// signals are those that a host obeys.
type signals struct {
	drain   context.Context // ends when the host is to drain
	kill    context.Context // ends when it is to end at once
	changes chan os.Signal  // SIGHUP, SIGTTIN and SIGTTOU
	pipes   chan os.Signal  // SIGPIPE, which nobody reads

	ends       chan os.Signal // SIGTERM and SIGINT
	ended      sync.WaitGroup // of who takes them
	endDrain   context.CancelFunc
	endKill    context.CancelFunc
	interrupts int
}

// newSignals is for a host that is to drain also when ctx ends.
func newSignals(ctx context.Context) *signals {
	s := &signals{changes: make(chan os.Signal, maxSignals), pipes: make(chan os.Signal, 1)}
	s.drain, s.endDrain = context.WithCancel(ctx)
	s.kill, s.endKill = context.WithCancel(context.Background())
	return s
}

// catch catches signals until release or handOver.
func (s *signals) catch() {
	ends := make(chan os.Signal, maxSignals)
	s.ends = ends
	signal.Notify(ends, syscall.SIGTERM, syscall.SIGINT)
	signal.Notify(s.changes, syscall.SIGHUP, syscall.SIGTTIN, syscall.SIGTTOU)
	// Without this, a line on a stderr that nobody reads any more ends the program.
	signal.Notify(s.pipes, syscall.SIGPIPE)
	s.ended.Go(func() {
		for sig := range ends {
			s.end(sig)
		}
	})
}

func (s *signals) end(sig os.Signal) {
	if sig == syscall.SIGINT {
		if s.interrupts++; s.interrupts == 2 {
			s.endKill()
		}
	}
	s.endDrain()
}

// told reports whether the host was told to end.
func (s *signals) told() bool { return s.drain.Err() != nil }

// handOver leaves the signals to the program that this process is about to
// become. Until it catches them, those that end do so at once, since nothing runs,
// and the others do nothing: they would end or stop it too. What came before has
// been told.
func (s *signals) handOver() {
	signal.Ignore(syscall.SIGHUP, syscall.SIGTTIN, syscall.SIGTTOU)
	signal.Reset(syscall.SIGTERM, syscall.SIGINT)
	s.release()
}

// release catches no more signals, and returns when those that came are told.
func (s *signals) release() {
	signal.Stop(s.changes)
	signal.Stop(s.pipes)
	signal.Stop(s.ends)
	close(s.ends)
	s.ended.Wait()
}
