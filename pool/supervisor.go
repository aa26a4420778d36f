package pool

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
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
	id         string
	startedAt  time.Time
	beats      beats
	start      func(slot int) (*process, error) // starts a process: startProcess, but in tests

	mu      sync.Mutex // taken before scheduler.mu
	slots   []*slot
	waiting int      // handlers that wait for other tasks
	funcs   []string // that have a handler, by what the processes say
	unready int      // processes in a row, of all slots, that were never ready
	deaths  deathHistory

	firstStart  atomic.Bool   // a process has been started, or is about to be
	startTurn   chan struct{} // closed when that has reached Main, or takes long: others start
	othersStart sync.Once     // closes startTurn

	slotsWG      sync.WaitGroup
	recoveries   sync.WaitGroup // of what dead processes ran
	leaving      chan struct{}  // closed when the host stops
	killing      chan struct{}  // closed when it stops at once
	killOnce     sync.Once
	startResults <-chan error  // of the first processes: see awaitReady
	broken       chan error    // receives why no process becomes ready, once
	stopped      chan struct{} // closed when everything has ended
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
	if err := s.awaitReady(ctx, s.startResults); err != nil {
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
	executable, err := executablePath()
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
		id: strings.ToLower(rand.Text()[:8]), startedAt: time.Now(), funcs: consumer.Handled(),
		beats:     beats{wanted: make(chan struct{}, 1), end: make(chan struct{}), ended: make(chan struct{})},
		deaths:    deathHistory{counts: map[codec.Cause]uint64{}},
		startTurn: make(chan struct{}), broken: make(chan error, 1),
		leaving: make(chan struct{}), killing: make(chan struct{}), stopped: make(chan struct{}),
	}
	s.start = s.startProcess
	if err := s.listen(); err != nil {
		return nil, err
	}
	err := s.connect(ctx)
	if err != nil {
		s.socket.close()
		return nil, err
	}
	s.mu.Lock()
	s.startResults, _, err = s.reconcile()
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
	for _, l := range s.scheduler.lanes {
		go l.puller.watch(pulls)
	}
	if s.cfg.Started != nil {
		s.cfg.Started(s)
	}
	return s, nil
}

// awaitReady waits for the first process of each new slot, which has bounds of its own.
func (s *Supervisor) awaitReady(ctx context.Context, started <-chan error) error {
	for range cap(started) {
		select {
		case err := <-started:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("pool: waiting for worker processes: %w", context.Cause(ctx))
		}
	}
	return nil
}

// startOthers lets more processes start than the first one.
func (s *Supervisor) startOthers() { s.othersStart.Do(func() { close(s.startTurn) }) }

// finish frees what the supervisor holds once its last process has ended.
func (s *Supervisor) finish() {
	s.slotsWG.Wait()
	s.recoveries.Wait()
	s.scheduler.finish(func() bool { return s.isKilling() && !s.nc.IsConnected() })
	s.flush()
	s.socket.close()
	close(s.beats.end)
	<-s.beats.ended
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

// resultEnvelope is what a message of outcomes holds besides one result, at most.
const resultEnvelope = 1 << 10

// setUp sends a process that has reached [Main] its first order.
func (s *Supervisor) setUp(p *process) {
	p.order(order{Setup: &setup{
		Dir: handlerDir(), Queues: s.cfg.queueNames(), Host: s.cfg.Host, MaxValue: s.cfg.MaxValue, MaxMemory: s.cfg.MaxMemory,
		MaxMessage: int(s.nc.MaxPayload()) - resultEnvelope, Init: s.cfg.initial,
	}})
}

// processes returns the worker processes that live.
func (s *Supervisor) processes() (all []*process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sl := range s.slots {
		if sl.process != nil {
			all = append(all, sl.process)
		}
	}
	return all
}

// readyProcesses returns those of them that have been ready.
func (s *Supervisor) readyProcesses() (all []*process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sl := range s.slots {
		if sl.ready {
			all = append(all, sl.process)
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
func (s *Supervisor) hasReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hasReadyLocked()
}

func (s *Supervisor) hasReadyLocked() bool {
	return slices.ContainsFunc(s.slots, func(sl *slot) bool { return sl.ready })
}

// PIDs returns the process ids of the worker processes that live.
func (s *Supervisor) PIDs() (pids []int) {
	for _, p := range s.processes() {
		pids = append(pids, p.PID())
	}
	return pids
}
