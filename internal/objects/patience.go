package objects

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/musterfleet/muster/internal/broker"
)

const (
	// patience bounds each attempt to reach the store, and how long another is made:
	// a cluster may take ten seconds to choose a leader.
	patience = 30 * time.Second
	pause    = 250 * time.Millisecond
)

// patiently tries again, until ctx ends, what a broker that is away for a moment
// makes fail, or one that has just made the store.
func patiently[T any](ctx context.Context, s *Store, try func(context.Context) (T, error)) (T, error) {
	began := time.Now()
	for tries := 1; ; tries++ {
		v, err := attempt(ctx, s.nc, try)
		if err == nil || lasting(err) || time.Since(began) > patience || ctx.Err() != nil {
			return v, err
		}
		s.close() // somebody may have deleted the store
		if tries == 1 {
			s.logger.Warn("a large value could not be passed through the object store; trying again", "error", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return v, err
		}
	}
}

// attempt tries once, until the connection is lost: what was asked before that is
// not answered any more.
func attempt[T any](ctx context.Context, nc *nats.Conn, try func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	lost := nc.StatusChanged(nats.RECONNECTING)
	defer nc.RemoveStatusListener(lost) // which ends the goroutine
	cut, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		if _, ok := <-lost; ok {
			end(nats.ErrDisconnected)
		}
	}()
	v, err := try(cut)
	if err != nil && ctx.Err() == nil && cut.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(cut), err)
	}
	return v, err
}

// lasting reports whether an error would be the same the next time.
func lasting(err error) bool {
	return errors.Is(err, ErrGone) || errors.Is(err, ErrTooLarge) || errors.Is(err, broker.ErrPermission)
}
