package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterfleet/muster/bench/peer"
)

// startLimit is how long a peer may take to start: a database makes its files.
const startLimit = 2 * time.Minute

// place is a peer under measurement.
type place struct {
	peer.Peer
	running *peer.Setup // nil when stopped
}

// start makes sure that the peer runs with a setup.
func (p *place) start(ctx context.Context, setup peer.Setup) error {
	if !p.Info().ByLength {
		setup.Long = false
	}
	if p.running != nil && *p.running == setup {
		return nil
	}
	p.stop()
	bounded, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := p.Start(bounded, setup); err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	p.running = &setup
	return nil
}

func (p *place) stop() {
	if p.running != nil {
		p.Stop()
		p.running = nil
	}
}

// run runs a load once. A peer that failed is stopped, and started anew by the
// next load.
func (p *place) run(ctx context.Context, setup peer.Setup, load peer.Load, limit time.Duration) (peer.Report, error) {
	if err := p.start(ctx, setup); err != nil {
		return peer.Report{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p.hold(false)
	report, err := p.Do(bounded, load)
	switch {
	case err == nil:
		p.hold(true)
	case !errors.Is(err, peer.ErrUnsupported):
		p.stop()
	}
	return report, err
}

// hold keeps a peer that polls from running while others are measured.
func (p *place) hold(held bool) {
	h, ok := p.Peer.(interface {
		Hold()
		Release()
	})
	switch {
	case !ok || !p.Info().Polls:
	case held:
		h.Hold()
	default:
		h.Release()
	}
}
