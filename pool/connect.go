package pool

import (
	"context"
	"os"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/objects"
	"github.com/musterfleet/muster/internal/recent"
)

// connect makes the supervisor's connection, the streams it needs and all that
// it does over them.
func (s *Supervisor) connect(ctx context.Context) (err error) {
	if s.cfg.URL, s.cfg.Credentials, err = broker.Resolve(s.cfg.URL, s.cfg.Credentials); err != nil {
		return err
	}
	s.nc, err = broker.Connect(ctx, broker.Config{
		URL: s.cfg.URL, Credentials: s.cfg.Credentials, Name: "muster supervisor " + s.cfg.Host, Logger: s.cfg.Logger,
		Refused: s.refused,
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
	for _, name := range s.cfg.queueNames() {
		if err = broker.EnsureQueue(ctx, s.js, name, broker.StreamOptions{}); err != nil {
			return err
		}
	}
	if s.scheduler, err = newScheduler(s); err != nil {
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
	return s.scheduler.open()
}

// disconnect ends what connect has begun.
func (s *Supervisor) disconnect() {
	s.scheduler.disconnect()
	s.nc.Close()
}

// newScheduler makes a supervisor's scheduler, which pulls nothing yet.
func newScheduler(host *Supervisor) (*scheduler, error) {
	s := &scheduler{
		cfg: &host.cfg, pid: os.Getpid(), nc: host.nc, logger: host.cfg.Logger, objects: objects.New(host.nc, host.cfg.Logger),
		handles: host.handles, elsewhere: host.elsewhere,
		tick:       make(chan struct{}, 1),
		deliveries: map[deliveryKey]*delivery{}, outboxes: map[string]*outbox{},
		funcs: map[string]*funcStats{}, cancelled: recent.NewSet[codec.ID](maxCancelled),
	}
	s.addQueues(host.cfg.Queues)
	var err error
	if s.publisher, err = broker.NewPublisher(host.nc); err != nil {
		return nil, err
	}
	if s.desk, err = handoff.New(host.nc, s.publisher, &s.handed, host.cfg.Logger); err != nil {
		s.publisher.Close()
		return nil, err
	}
	return s, nil
}

// open begins to pull what processes can take.
func (s *scheduler) open() error {
	for _, l := range s.lanes {
		if err := l.puller.open(); err != nil {
			return err
		}
	}
	return nil
}

// disconnect ends what is under way.
func (s *scheduler) disconnect() {
	s.desk.Close()
	s.publisher.Close()
}
