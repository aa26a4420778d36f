package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/musterfleet/muster/internal/shellmap"
)

// untilFatal returns a context that ends with a signal that is fatal to a command
// which has work under way, so that it can cancel that. The next one ends the program.
func untilFatal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	came := make(chan os.Signal, 1)
	signal.Notify(came, shellmap.Fatal()...)
	go func() {
		defer shellmap.Release(came)
		select {
		case <-came:
			cancel(errInterrupted)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
