package peer

import (
	"context"
	"io"

	"github.com/musterfleet/muster/pool"
)

// local is this project as pool.Local has it: the broker within the client's
// process.
type local struct {
	fleet
	pool *pool.Pool
}

func newLocal() *local { return &local{} }

func (l *local) Info() Info {
	return Info{Name: "local", Title: "Muster, pool.Local", Settings: []string{
		"as Muster, but the NATS server runs within the client's process",
	}}
}

func (l *local) Missing() error { return nil }

func (l *local) Start(ctx context.Context, setup Setup) (err error) {
	l.setup = setup
	l.pool, err = pool.Local(ctx,
		pool.Processes(setup.Workers), pool.WithLogger(quiet), pool.WithOutput(io.Discard, io.Discard))
	if err != nil {
		return err
	}
	l.dial = func(ctx context.Context, number int) (client, error) {
		if number > 0 {
			return nil, ErrUnsupported // the pool has one client
		}
		return musterClient{Client: l.pool.Client()}, nil
	}
	return nil
}

func (l *local) Stop() {
	l.hangUp()
	if l.pool != nil {
		_ = l.pool.Kill() // nothing of value is lost
		l.pool = nil
	}
}
