package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/login"
)

// Supervisor is the parent of a host's worker processes. It is safe for
// concurrent use.
type Supervisor struct {
	cfg        Config // Processes is under mu
	executable string
	guard      *proc.Guard
	ownGuard   bool
	nc         *nats.Conn
	control    *nats.Subscription
	js         jetstream.JetStream
	socket     *controlSocket
	scheduler  *scheduler
	leases     *leases
	others     others
	chronicle

	mu      sync.Mutex
	places  []*place
	waiting int      // handlers that wait for other tasks
	funcs   []string // that have a handler, by what the processes say
	unready int      // processes in a row, of all places, that were never ready

	firstStarts  atomic.Bool   // a process has been started, or is about to be
	firstReached chan struct{} // closed when it has reached Main, or takes long
	othersStart  sync.Once     // closes firstReached

	keepers  sync.WaitGroup // of places
	burials  sync.WaitGroup // of dead processes
	stopping atomic.Bool
	leaving  chan struct{} // closed when stopping
	killing  atomic.Bool
	fates    <-chan error  // of the first processes: see awaitReady
	broken   chan error    // gets why no process becomes ready, once
	stopped  chan struct{} // closed when everything has ended
}

// Start starts a host's worker processes and returns when all of them pull
// tasks. They go on until [Supervisor.Drain] or [Supervisor.Kill]; ctx governs
// the start alone.
//
// Its error wraps [ErrConfig], consumer.ErrNoHandlers, [ErrNoMain],
// [ErrNotReady] with the end of the process's stderr, or says what is wrong with
// the broker.
func Start(ctx context.Context, cfg Config) (*Supervisor, error) {
	s, err := launch(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := s.awaitReady(ctx, s.fates); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// launch starts a host whose worker processes are still to be ready.
func launch(ctx context.Context, cfg Config) (*Supervisor, error) {
	if err := checkMain(); err != nil {
		return nil, err
	}
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	guard, executable, err := startGuard(cfg)
	if err != nil {
		return nil, err
	}
	s, err := start(ctx, cfg, guard, executable, true)
	if err != nil {
		return nil, errors.Join(err, guard.Close())
	}
	return s, nil
}

func startGuard(cfg Config) (*proc.Guard, string, error) {
	if len(consumer.Handled()) == 0 {
		return nil, "", consumer.ErrNoHandlers
	}
	executable, err := image()
	if err != nil {
		return nil, "", err
	}
	guard, err := proc.StartGuard(executable, startArgs(cfg.URL, cfg.Credentials), login.Conceal(inheritedEnv()), startDir)
	if err != nil {
		return nil, "", fmt.Errorf("pool: %w", err)
	}
	return guard, executable, nil
}

// start starts a supervisor with a completed configuration. Its worker processes are
// still to be ready.
func start(ctx context.Context, cfg Config, guard *proc.Guard, executable string, ownGuard bool) (*Supervisor, error) {
	s := &Supervisor{
		cfg: cfg, executable: executable, guard: guard, ownGuard: ownGuard,
		firstReached: make(chan struct{}), broken: make(chan error, 1), leaving: make(chan struct{}),
		stopped: make(chan struct{}), chronicle: newChronicle(), funcs: consumer.Handled(),
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	err := s.connect(ctx)
	if err != nil {
		s.socket.close()
		return nil, err
	}
	s.mu.Lock()
	s.fates, _, err = s.adjust()
	s.mu.Unlock()
	if err != nil {
		s.socket.close()
		s.disconnect()
		return nil, err
	}
	s.socket.serve(s.steer)
	pulls, endPulls := context.WithCancel(context.Background())
	go func() {
		defer endPulls()
		<-s.leaving
		s.scheduler.stop()
	}()
	go s.finish()
	go s.renewLeases()
	go s.recallAfterReconnects()
	go s.watchProcesses()
	go s.watchMemory()
	go s.heartbeats()
	go s.scheduler.watch(s.stopped)
	for _, p := range s.scheduler.pullers {
		go p.watch(pulls)
	}
	if s.cfg.Started != nil {
		s.cfg.Started(s)
	}
	return s, nil
}

// awaitReady waits for the first process of each new place, which has bounds of its
// own.
func (s *Supervisor) awaitReady(ctx context.Context, fates <-chan error) error {
	for range cap(fates) {
		select {
		case err := <-fates:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("pool: waiting for worker processes: %w", context.Cause(ctx))
		}
	}
	return nil
}

// finish frees what the supervisor holds once its last process has ended.
func (s *Supervisor) finish() {
	s.keepers.Wait()
	s.burials.Wait()
	s.scheduler.finish(func() bool { return s.killing.Load() && !s.nc.IsConnected() })
	s.flush()
	s.socket.close()
	close(s.over)
	<-s.silent
	s.unsubscribeControl()
	s.disconnect()
	if s.ownGuard {
		if err := s.guard.Close(); err != nil {
			s.cfg.Logger.Warn("ending the guard process", "error", err)
		}
	}
	close(s.stopped)
}

// URL returns the address of the host's broker, with the credential if there is one in
// it.
func (s *Supervisor) URL() string { return s.cfg.URL }

// StartsOnDemand reports whether the host may be without worker processes while there
// is no work: see [Config.OnDemand] and [Config.IdleTimeout].
func (s *Supervisor) StartsOnDemand() bool { return s.cfg.OnDemand || s.cfg.IdleTimeout > 0 }

// introduce makes a process known.
func (s *Supervisor) introduce(p *place, c *child) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.current = c
}

// resultEnvelope is what a message of outcomes holds besides one result, at most.
const resultEnvelope = 1 << 10

// setUp sends a process that has reached [Main] its first order.
func (s *Supervisor) setUp(c *child) {
	c.order(order{Setup: &setup{
		Dir: handlerDir(), Queue: s.cfg.Queue, Host: s.cfg.Host, MaxValue: s.cfg.MaxValue, MaxMemory: s.cfg.MaxMemory,
		MaxMessage: int(s.nc.MaxPayload()) - resultEnvelope, Init: s.cfg.initial,
	}})
}

// part makes a dead process unknown.
func (s *Supervisor) part(p *place, c *child) {
	c.mu.Lock()
	waits := c.waits
	c.waits = 0
	c.mu.Unlock()
	s.mu.Lock()
	p.current = nil
	s.mu.Unlock()
	if waits != 0 {
		s.waitingChanged(-waits)
	}
}

// children gives the worker processes that live.
func (s *Supervisor) children() []*child {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.childrenLocked()
}

func (s *Supervisor) childrenLocked() []*child {
	var all []*child
	for _, p := range s.places {
		if p.current != nil {
			all = append(all, p.current)
		}
	}
	return all
}

// handles reports whether the worker processes have a handler for a func.
func (s *Supervisor) handles(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.funcs, name)
}

// hasReady reports whether a worker process pulls tasks, or has.
func (s *Supervisor) hasReady() bool { return slices.ContainsFunc(s.children(), (*child).isReady) }

// PIDs gives the process ids of the worker processes that live.
func (s *Supervisor) PIDs() []int {
	var pids []int
	for _, c := range s.children() {
		pids = append(pids, c.PID())
	}
	return pids
}
