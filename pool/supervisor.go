package pool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/handoff"
	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/login"
)

// Supervisor is the parent of a host's worker processes. It is safe for
// concurrent use.
type Supervisor struct {
	Config
	executable string
	guard      *proc.Guard
	ownGuard   bool
	nc         *nats.Conn
	control    *nats.Subscription
	js         jetstream.JetStream
	tasks      jetstream.Stream
	publisher  *broker.Publisher
	socket     *controlSocket
	desk       *handoff.Desk
	scout      *scout
	leases     *leases
	chronicle

	mu        sync.Mutex
	places    []*place
	waiting   int      // handlers that wait for other tasks
	funcs     []string // that have a handler, by what the processes say
	cancelled cancelled
	unready   int // processes in a row, of all places, that were never ready

	keepers  sync.WaitGroup // of places
	burials  sync.WaitGroup // of dead processes
	stopping atomic.Bool
	leaving  chan struct{} // closed when stopping
	killing  atomic.Bool
	broken   chan error    // gets why no process becomes ready, once
	stopped  chan struct{} // closed when everything has ended
}

// readyPatience bounds how long worker processes may take to be ready.
const readyPatience = 30 * time.Second

// Start starts a host's worker processes and returns when all of them pull
// tasks. They go on until [Supervisor.Drain] or [Supervisor.Kill]; ctx governs
// the start alone.
//
// Its error wraps [ErrConfig], consumer.ErrNoHandlers, [ErrNoMain],
// [ErrNotReady] with the end of the process's stderr, or says what is wrong with
// the broker.
func Start(ctx context.Context, cfg Config) (*Supervisor, error) {
	refuseInWorker()
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	guard, executable, err := startGuard()
	if err != nil {
		return nil, err
	}
	s, err := start(ctx, cfg, guard, executable, true)
	if err != nil {
		return nil, errors.Join(err, guard.Close())
	}
	return s, nil
}

func startGuard() (*proc.Guard, string, error) {
	if len(consumer.Handled()) == 0 {
		return nil, "", consumer.ErrNoHandlers
	}
	executable, err := image()
	if err != nil {
		return nil, "", err
	}
	guard, err := proc.StartGuard(executable, os.Args[:1], append(login.Conceal(inheritedEnv()), roleEnv+"="+roleGuard))
	if errors.Is(err, proc.ErrGuardSilent) {
		return nil, "", ErrNoMain
	}
	if err != nil {
		return nil, "", err
	}
	return guard, executable, nil
}

// start starts a supervisor with a completed configuration.
func start(ctx context.Context, cfg Config, guard *proc.Guard, executable string, ownGuard bool) (*Supervisor, error) {
	s := &Supervisor{
		Config: cfg, executable: executable, guard: guard, ownGuard: ownGuard,
		broken: make(chan error, 1), leaving: make(chan struct{}),
		stopped: make(chan struct{}), chronicle: newChronicle(), funcs: consumer.Handled(),
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	if err := s.connect(ctx); err != nil {
		s.socket.close()
		return nil, err
	}
	s.mu.Lock()
	fates, _, err := s.adjust()
	s.mu.Unlock()
	if err != nil {
		s.socket.close()
		s.disconnect()
		return nil, err
	}
	s.socket.serve(s.steer)
	go s.finish()
	go s.renewLeases()
	go s.recallAfterReconnects()
	go s.watchProcesses()
	go s.watchMemory()
	go s.heartbeats()
	go s.scout.run(s.stopped, s.crew)
	if s.Started != nil {
		s.Started(s)
	}
	if err := s.awaitReady(ctx, fates); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// awaitReady waits for the first process of each new place.
func (s *Supervisor) awaitReady(ctx context.Context, fates <-chan error) error {
	patience := time.NewTimer(readyPatience)
	defer patience.Stop()
	for range cap(fates) {
		select {
		case err := <-fates:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("pool: waiting for worker processes: %w", context.Cause(ctx))
		case <-patience.C:
			return fmt.Errorf("%w: not within %v", ErrNotReady, readyPatience)
		}
	}
	return nil
}

// finish frees what the supervisor holds once its last process has ended.
func (s *Supervisor) finish() {
	s.keepers.Wait()
	s.burials.Wait()
	s.flush()
	s.socket.close()
	close(s.over)
	<-s.silent
	s.unsubscribeControl()
	s.desk.Close()
	s.publisher.Close()
	s.nc.Close()
	if s.ownGuard {
		if err := s.guard.Close(); err != nil {
			s.Logger.Warn("ending the guard process", "error", err)
		}
	}
	close(s.stopped)
}

// introduce makes a process known, and gives it its first order. From then on
// it hears of every cancel request, and it hears of the earlier ones now.
func (s *Supervisor) introduce(p *place, c *child) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.current = c
	c.order(order{Setup: &setup{
		URL: s.URL, Login: s.Credentials, Queue: s.Queue, Host: s.Host, Life: c.signOfLife, Tenure: s.tenure(), MaxValue: s.MaxValue, Init: s.initial,
		Cancel: byClient(s.cancelled.ids),
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
	s.takeOver(p, c)
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

// crew gives how many worker processes have nothing to run, and how many
// deliveries all of them hold.
func (s *Supervisor) crew() (idle, held int) {
	for _, c := range s.children() {
		if c.idle() {
			idle++
		}
		held += len(c.board.Deliveries())
	}
	return idle, held
}

// PIDs gives the process ids of the worker processes that live.
func (s *Supervisor) PIDs() []int {
	var pids []int
	for _, c := range s.children() {
		pids = append(pids, c.PID())
	}
	return pids
}
