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
	// patience bounds how long an attempt to reach the store goes without progress, and
	// how long another is made: a cluster may take ten seconds to choose a leader.
	patience = 30 * time.Second
	pause    = 250 * time.Millisecond
	// maxTransfer bounds an attempt as a whole, however large the value and slow the
	// network.
	maxTransfer = time.Hour
)

// errStalled is the cause when an attempt makes no progress.
var errStalled = fmt.Errorf("no progress for %v", patience)

// patiently tries again, until ctx ends, what a broker that is away for a moment
// makes fail, or one that has just made the store.
func patiently[T any](ctx context.Context, s *Store, try func(ctx context.Context, moved func()) (T, error)) (T, error) {
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

// attempt tries once, until nothing has moved for too long, or the connection is lost:
// what was asked before that is not answered any more.
func attempt[T any](ctx context.Context, nc *nats.Conn, try func(ctx context.Context, moved func()) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTransfer)
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
	stalled := time.AfterFunc(patience, func() { end(errStalled) })
	defer stalled.Stop()
	v, err := try(cut, func() { stalled.Reset(patience) })
	if err != nil && ctx.Err() == nil && cut.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(cut), err)
	}
	return v, err
}

// lasting reports whether an error would be the same the next time.
func lasting(err error) bool {
	return errors.Is(err, ErrGone) || errors.Is(err, ErrTooLarge) || errors.Is(err, broker.ErrPermission)
}
