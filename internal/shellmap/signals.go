package shellmap

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Signals is how a user ends a run: the first interrupt asks it to read no more
// and to wait for what is under way; a second, or one of [Fatal], cancels what is
// left. One more ends the program.
type Signals struct {
	Stop    <-chan struct{} // closed by the first interrupt
	Context context.Context // ends when the rest is cancelled

	came chan os.Signal
	end  context.CancelFunc
	done chan struct{}
}

// NotifySignals has the signals go to a new Signals until Close.
func NotifySignals() *Signals {
	stop := make(chan struct{})
	ctx, end := context.WithCancel(context.Background())
	s := &Signals{Stop: stop, Context: ctx, came: make(chan os.Signal, 2), end: end, done: make(chan struct{})}
	signal.Notify(s.came, append(Fatal(), os.Interrupt)...)
	go func() {
		defer close(s.done)
		defer Release(s.came)
		select {
		case sig := <-s.came:
			if sig == os.Interrupt {
				close(stop)
				select {
				case <-s.came:
				case <-ctx.Done():
				}
			}
		case <-ctx.Done():
		}
		end()
	}()
	return s
}

// Fatal returns the signals that end a command which has work under way, and cancel
// that work first: SIGTERM, SIGQUIT and, unless the program was started to ignore it
// as by nohup, SIGHUP, by which a terminal that is closed ends what runs in it.
func Fatal() []os.Signal {
	fatal := []os.Signal{syscall.SIGTERM, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) {
		fatal = append(fatal, syscall.SIGHUP)
	}
	return fatal
}

// Release ends the notification of [Fatal], so that one more signal ends the program.
// A SIGHUP does not: a terminal that is closed sends several.
func Release(came chan<- os.Signal) {
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	signal.Stop(came)
}

// Close gives the signals back.
func (s *Signals) Close() {
	s.end()
	<-s.done
}
