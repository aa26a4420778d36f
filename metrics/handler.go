package metrics

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
)

// Handler serves a worker host's pages over HTTP:
//
//   - /metrics, for Prometheus: the metrics of the host, of this process as the Go
//     runtime tells them, and what else was registered;
//   - /healthz: 200 while this process lives;
//   - /readyz: 200 while the host serves, a process of it is ready, and it has its
//     connection to the broker; else 503, with the reason.
//
// They say nothing secret, and whoever reaches them can read them. A Handler is
// safe for concurrent use.
type Handler struct {
	registry *prometheus.Registry
	mux      http.ServeMux

	mu         sync.Mutex
	supervisor *pool.Supervisor
	collector  prometheus.Collector
}

// scrapes is how many scrapes are answered at a time, and scrapeTimeout how long
// one may take.
const (
	scrapes       = 4
	scrapeTimeout = 5 * time.Second
)

// NewHandler makes a handler of a host that is still to start: [Handler.Started]
// is for pool.Config.Started. Its error says which of the collectors cannot be
// registered.
func NewHandler(more ...prometheus.Collector) (*Handler, error) {
	h := &Handler{registry: prometheus.NewRegistry()}
	more = append(more, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, c := range more {
		if err := h.Register(c); err != nil {
			return nil, err
		}
	}
	h.mux.Handle("GET /metrics", promhttp.HandlerFor(h.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: scrapes, Timeout: scrapeTimeout, ErrorHandling: promhttp.ContinueOnError,
	}))
	h.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "alive") })
	h.mux.HandleFunc("GET /readyz", h.ready)
	return h, nil
}

// Register adds a collector to what /metrics serves.
func (h *Handler) Register(c prometheus.Collector) error {
	if err := h.registry.Register(c); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// Started says which host it is whose pages are served from now on, in place of
// the one before.
func (h *Handler) Started(s *pool.Supervisor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.collector != nil {
		h.registry.Unregister(h.collector)
	}
	h.supervisor, h.collector = s, Host(s)
	h.registry.MustRegister(h.collector) // there is none of its names now
}

// ServeHTTP serves the pages.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

func (h *Handler) ready(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	s := h.supervisor
	h.mu.Unlock()
	if why := unready(s); why != "" {
		answer(w, http.StatusServiceUnavailable, why)
		return
	}
	answer(w, http.StatusOK, "ready")
}

// unready says why a host is not ready, or nothing if it is.
func unready(s *pool.Supervisor) string {
	if s == nil {
		return "starting"
	}
	if !s.Connected() {
		return "no connection to the broker"
	}
	status := s.Status()
	if status.State != codec.HostServing {
		return string(status.State)
	}
	for _, p := range status.Processes {
		if p.State == codec.ProcessIdle || p.State == codec.ProcessBusy {
			return ""
		}
	}
	if s.StartsOnDemand() {
		return "" // they come when there is work
	}
	return "no worker process is ready"
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // fails if the client has gone
}
