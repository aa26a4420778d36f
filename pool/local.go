package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"

	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/proc"
	"github.com/musterfleet/muster/producer"
)

// Pool is a whole fleet within one program: a broker, a supervisor with its
// worker processes, and a client. It mirrors Python's ProcessPoolExecutor. It is
// safe for concurrent use.
type Pool struct {
	guard      *proc.Guard
	server     *broker.Server
	supervisor *Supervisor
	client     *producer.Client
	dir        string
	dropped    runtime.Cleanup // warns
}

// Local starts a pool: an embedded broker on a random port of the loopback
// interface, with a random credential and its files in a temporary directory, a
// worker process per usable CPU, and a client. ctx governs the start alone; the
// pool goes on until [Pool.Close]. When the program ends in any other way, its
// worker processes, what they started, and the files are removed all the same.
//
// A pool whose processes end, five in a row, before they are ready, as when
// their initializer fails, is broken: its futures and Submit fail with
// producer.ErrClosed and [ErrNotReady]. It mirrors BrokenProcessPool.
//
// Its error is that of [Start], or of an option.
func Local(ctx context.Context, options ...Option) (*Pool, error) {
	if err := checkMain(); err != nil {
		return nil, err
	}
	cfg, err := Config{}.With(options...)
	if err != nil {
		return nil, err
	}
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	p := &Pool{}
	if err := p.start(ctx, cfg); err != nil {
		return nil, errors.Join(err, p.release())
	}
	go closeBroken(p.supervisor, p.client)
	p.dropped = runtime.AddCleanup(p, func(logger *slog.Logger) {
		logger.Warn("a pool was dropped without Close; its processes stay until the program ends")
	}, cfg.Logger)
	return p, nil
}

func (p *Pool) start(ctx context.Context, cfg Config) (err error) {
	var executable string
	if p.guard, executable, err = startGuard(cfg); err != nil {
		return err
	}
	if p.dir, err = os.MkdirTemp("", "muster-"); err != nil {
		return fmt.Errorf("pool: making a directory for the broker: %w", err)
	}
	if err = p.guard.RemoveDir(p.dir); err != nil {
		return err
	}
	p.server, err = broker.StartServer(broker.ServerConfig{
		Port: -1, StoreDir: p.dir, Token: broker.RandomCredential(), Logger: cfg.Logger,
	})
	if err != nil {
		return err
	}
	cfg.URL = p.server.URL()
	if p.supervisor, err = start(ctx, cfg, p.guard, executable, false); err != nil {
		return err
	}
	if err = p.supervisor.awaitReady(ctx, p.supervisor.startResults); err != nil {
		return err
	}
	if err = p.supervisor.scheduler.followPauses(); err != nil {
		return err
	}
	clientOptions := []producer.Option{
		producer.WithQueue(p.supervisor.cfg.Queues[0].Name), producer.WithLogger(cfg.Logger), producer.WithLocalHost(p.supervisor.scheduler),
	}
	clientOptions = append(clientOptions, cfg.client...)
	if cfg.MaxValue > 0 {
		clientOptions = append(clientOptions, producer.WithMaxValue(cfg.MaxValue))
	}
	p.client, err = producer.Connect(ctx, cfg.URL, clientOptions...)
	return err
}

// Client returns the pool's client, to submit with.
func (p *Pool) Client() *producer.Client { return p.client }

// URL returns the address of the pool's broker, for further clients on this machine:
// see producer.Connect. It contains the credential.
func (p *Pool) URL() string { return p.server.URL() }

// Supervisor returns the pool's supervisor.
func (p *Pool) Supervisor() *Supervisor { return p.supervisor }

// Close refuses new tasks, waits until all that were submitted are done, and
// stops processes and broker. When ctx ends first it stops them at once, the
// futures still pending fail with producer.ErrClosed, and it returns ctx.Err,
// wrapped. It mirrors Executor.shutdown with wait. Nothing of the pool is left
// when it returns; a second Close gives nil. Deferred, it waits also while a
// panic passes by, as Python's with statement does: give it a ctx that ends if
// that may take long.
func (p *Pool) Close(ctx context.Context) error {
	err := p.client.Close(ctx)
	if err == nil {
		err = p.supervisor.Drain(ctx)
	}
	return errors.Join(err, p.release())
}

// Kill stops processes and broker at once; futures still pending fail with
// producer.ErrClosed. It mirrors ProcessPoolExecutor.kill_workers.
func (p *Pool) Kill() error {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.client.Close(ended); err != nil && !errors.Is(err, context.Canceled) {
		return errors.Join(err, p.release())
	}
	return p.release()
}

// release frees what has been started, in whatever state.
func (p *Pool) release() error {
	p.dropped.Stop()
	if p.client != nil {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = p.client.Close(ended) // pending futures fail, which is reported by them
	}
	if p.supervisor != nil {
		p.supervisor.Kill()
	}
	if p.server != nil {
		p.server.Shutdown()
	}
	var errs []error
	if p.dir != "" {
		errs = append(errs, os.RemoveAll(p.dir))
	}
	if p.guard != nil {
		errs = append(errs, p.guard.Close())
	}
	return errors.Join(errs...)
}
