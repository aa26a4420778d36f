package pool

import (
	"context"
	"fmt"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
)

// connect gives the supervisor its connection, the streams it needs and all that
// it does over them.
func (s *Supervisor) connect(ctx context.Context) (err error) {
	if s.cfg.URL, s.cfg.Credentials, err = broker.Resolve(s.cfg.URL, s.cfg.Credentials); err != nil {
		return err
	}
	s.nc, err = broker.Connect(ctx, broker.Config{
		URL: s.cfg.URL, Credentials: s.cfg.Credentials, Name: "muster supervisor " + s.cfg.Host, Logger: s.cfg.Logger,
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.nc.Close()
		}
	}()
	if s.js, err = broker.Check(ctx, s.nc); err != nil {
		return err
	}
	if err = broker.EnsureShared(ctx, s.js, broker.StreamOptions{}); err != nil {
		return err
	}
	if err = broker.EnsureQueue(ctx, s.js, s.cfg.Queue, broker.StreamOptions{}); err != nil {
		return err
	}
	if s.tasks, err = s.js.Stream(ctx, broker.TaskStream(s.cfg.Queue)); err != nil {
		return fmt.Errorf("pool: looking up the queue's stream: %w", err)
	}
	if s.scout, err = newScout(ctx, s.nc, s.tasks, s.cfg.Queue, s.cfg.Logger); err != nil {
		return err
	}
	if err = s.subscribeCancels(ctx); err != nil {
		return err
	}
	if err = s.subscribeWatchers(); err != nil {
		return err
	}
	if err = s.subscribeConfirmations(); err != nil {
		return err
	}
	if err = s.subscribeControl(); err != nil {
		return err
	}
	if err = broker.Admitted(ctx, s.nc); err != nil {
		return err
	}
	if s.publisher, err = broker.NewPublisher(s.nc); err != nil {
		return err
	}
	if s.desk, err = handoff.New(s.nc, s.publisher, &s.handed, s.cfg.Logger); err != nil {
		s.publisher.Close()
	}
	return err
}

// disconnect ends what connect has begun.
func (s *Supervisor) disconnect() {
	s.desk.Close()
	s.publisher.Close()
	s.nc.Close()
}
