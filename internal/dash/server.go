package dash

import (
	"context"
	"crypto/rand"
	"html/template"
	"log/slog"
	"net/http"
	"sync"

	"github.com/musterfleet/muster/fleet"
	"github.com/musterfleet/muster/producer"
)

// Config is what a server shows, and to whom.
type Config struct {
	Fleet *fleet.Fleet
	// Client cancels tasks. It is needed with Actions only.
	Client *producer.Client
	// Actions lets viewers change the fleet; else the pages only show it.
	Actions bool
	// User and Password are asked for unless Password is empty.
	User, Password string
	// Loopback says that only this machine reaches the server. Then it answers to no
	// host name but localhost, the loopback addresses, and Names: another one is a
	// foreign site's that points here.
	Loopback bool
	Names    []string
	Logger   *slog.Logger
}

// maxViewers bounds the pages that are kept live at a time.
const maxViewers = 64

// Server is the handler of the dashboard. It is safe for concurrent use.
type Server struct {
	cfg       Config
	record    *record
	letters   *letters
	handler   http.Handler
	templates *template.Template
	key       [32]byte      // of sessions
	viewers   chan struct{} // an element for each page that is live
	life      context.Context
	end       context.CancelFunc
	gone      sync.WaitGroup
}

// New makes a server and begins to watch the fleet. Its error is that of
// [fleet.Fleet.Watch].
func New(ctx context.Context, cfg Config) (*Server, error) {
	watch, err := cfg.Fleet.Watch(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, record: newRecord(watch), letters: &letters{fleet: cfg.Fleet},
		viewers: make(chan struct{}, maxViewers),
	}
	rand.Read(s.key[:]) // never fails since Go 1.24
	s.life, s.end = context.WithCancel(ctx)
	s.templates = s.parse()
	s.handler = s.guarded(s.routes())
	s.record.ask(ctx, cfg.Fleet) // so that the first page is not without queues
	s.gone.Go(func() { s.record.follow(watch.Updates()) })
	s.gone.Go(func() {
		defer watch.Close()
		s.record.sample(s.life, cfg.Fleet)
	})
	return s, nil
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close ends the watch and the live updates, and waits until they have ended.
func (s *Server) Close() {
	s.end()
	s.gone.Wait()
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, view := range map[string]view{
		"/{$}":            s.overview,
		"/queues":         s.queues,
		"/queues/{queue}": s.queue,
		"/hosts":          s.hosts,
		"/hosts/{host}":   s.host,
		"/failures":       s.failures,
		"/dead":           s.dead,
		"/dead/{id}":      s.letter,
		"/tasks":          s.search,
		"/tasks/{id}":     s.task,
		"/":               s.nowhere,
	} {
		mux.Handle("GET "+pattern, s.page(view))
	}
	mux.Handle("GET /do/{verb}", s.page(s.confirm))
	mux.HandleFunc("POST /do/{verb}", s.act)
	mux.Handle("GET /static/", http.FileServerFS(files))
	return mux
}
