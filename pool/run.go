package pool

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Run is a worker host: it runs worker processes until ctx ends or a signal
// comes, and drains then. SIGTERM, or SIGINT once, drains: running tasks finish,
// the others are left to other hosts. A second SIGINT kills. Its error is that
// of [Start], or nil.
func Run(ctx context.Context, cfg Config) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	kill, killNow := context.WithCancel(context.Background())
	defer killNow()
	go func() {
		interrupted := false
		for {
			select {
			case s := <-signals:
				if s == syscall.SIGINT && interrupted {
					killNow()
				}
				interrupted = s == syscall.SIGINT
				cancel()
			case <-kill.Done():
				return
			}
		}
	}()

	s, err := Start(ctx, cfg)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-s.Stopped():
		return nil
	}
	s.Logger.Info("draining: running tasks finish, others go back to the queue")
	if err := s.Drain(kill); err != nil {
		s.Logger.Warn("stopped at once", "cause", err)
	}
	return nil
}
