package shellmap

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Signals is how a user ends a run: the first interrupt asks it to read no more
// and to wait for what is under way; a second, or a SIGTERM, cancels what is
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
	signal.Notify(s.came, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer close(s.done)
		defer signal.Stop(s.came)
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

// Close gives the signals back.
func (s *Signals) Close() {
	s.end()
	<-s.done
}
