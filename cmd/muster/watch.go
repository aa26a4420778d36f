package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/metrics"
	"github.com/musterfleet/muster/pool"
)

// watchFlags are the flags of a worker host by which others can see what it does.
type watchFlags struct {
	metrics string // where to listen
	log     string // format
}

func (w *watchFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.metrics, "metrics", "", "serve /metrics, /healthz and /readyz over HTTP at `HOST:PORT`")
	cmd.Flags().StringVar(&w.log, "log-format", "", "log as `text or json`, with what the processes print as records; by default their lines are passed on as they are")
}

// apply sets a host up as the flags say. What stop ends goes on while the host drains.
func (w *watchFlags) apply(ctx context.Context, cfg *pool.Config) (stop func(), err error) {
	switch w.log {
	case "":
	case "text":
		cfg.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	case "json":
		cfg.Logger = slog.New(slog.NewJSONHandler(stderr, nil))
	default:
		return nil, usage("--log-format %q: use text or json", w.log)
	}
	cfg.OutputLogger = cfg.Logger
	if w.metrics == "" {
		return func() {}, nil
	}
	e, err := listenMetrics(ctx, w.metrics)
	if err != nil {
		return nil, err
	}
	cfg.Started = func(s *pool.Supervisor) {
		e.handler.Started(s)
		e.addQueues(ctx, cfg)
	}
	return e.close, nil
}

// endpoint serves the metrics of a host.
type endpoint struct {
	handler *metrics.Handler
	server  *http.Server
	ended   chan struct{}

	mu    sync.Mutex
	fleet *fleet.Fleet // nil until the host has started
}

// Bounds of what one who scrapes may take.
const (
	requestTimeout = 10 * time.Second
	maxHeader      = 16 << 10
	queueTimeout   = 5 * time.Second // to connect
)

func listenMetrics(ctx context.Context, addr string) (*endpoint, error) {
	handler, err := metrics.NewHandler()
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("--metrics: %w", err)
	}
	e := &endpoint{handler: handler, ended: make(chan struct{}), server: &http.Server{
		Handler: handler, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout,
		IdleTimeout: time.Minute, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}}
	report("muster: metrics at http://%s/metrics", listener.Addr())
	go func() {
		defer close(e.ended)
		if err := e.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			report("muster: the metrics are not served any more: %v", err)
		}
	}()
	return e, nil
}

// addQueues adds how the host's queues stand, by a connection of its own.
func (e *endpoint) addQueues(ctx context.Context, cfg *pool.Config) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fleet != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	names := make([]string, len(cfg.Queues))
	for i, q := range cfg.Queues {
		names[i] = q.Name
	}
	logger := cmp.Or(cfg.Logger, slog.Default())
	f, err := fleet.Connect(ctx, cfg.URL, fleet.WithLogger(logger), fleet.WithCredentials(cfg.Credentials))
	if err == nil {
		e.fleet, err = f, e.handler.Register(metrics.Queues(f, names...))
	}
	if err != nil {
		logger.Warn("no metrics of the queues", "error", err)
	}
}

func (e *endpoint) close() {
	_ = e.server.Close() // fails if the listener was closed, which is the purpose
	<-e.ended
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fleet != nil {
		e.fleet.Close()
	}
}
