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
	// how long after the last progress another is made: a cluster may take ten seconds to
	// choose a leader.
	patience = 30 * time.Second
	pause    = 250 * time.Millisecond
	// maxTransfer bounds an attempt as a whole, and how long others follow it, however
	// large the value and slow the network.
	maxTransfer = time.Hour
)

// errStalled is the cause when an attempt makes no progress.
var errStalled = fmt.Errorf("no progress for %v", patience)

// progress notices when a transfer with the broker stalls.
type progress struct {
	last    time.Time   // when something has moved last
	stalled *time.Timer // of the attempt
}

// moved says that something has moved.
func (p *progress) moved() {
	p.last = time.Now()
	p.stalled.Reset(patience)
}

// pause says that it is not the broker's turn until something has moved.
func (p *progress) pause() { p.stalled.Stop() }

// patiently tries again, until ctx ends, what a broker that is away for a moment
// makes fail, or one that has just made the store.
func patiently[T any](ctx context.Context, s *Store, try func(context.Context, *progress) (T, error)) (T, error) {
	began := time.Now()
	p := &progress{last: began}
	for tries := 1; ; tries++ {
		v, err := attempt(ctx, s.nc, p, try)
		if err == nil || lasting(err) || time.Since(p.last) >= patience || time.Since(began) >= maxTransfer || ctx.Err() != nil {
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
func attempt[T any](ctx context.Context, nc *nats.Conn, p *progress, try func(context.Context, *progress) (T, error)) (T, error) {
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
	p.stalled = time.AfterFunc(patience, func() { end(errStalled) })
	defer p.stalled.Stop()
	v, err := try(cut, p)
	if err != nil && ctx.Err() == nil && cut.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(cut), err)
	}
	return v, err
}

// lasting reports whether an error would be the same the next time.
func lasting(err error) bool {
	for _, l := range []error{ErrGone, ErrTooLarge, ErrPeer, errDamaged, broker.ErrPermission} {
		if errors.Is(err, l) {
			return true
		}
	}
	return false
}
