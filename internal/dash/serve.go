package dash

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// slowest bounds one request and its answer, live updates excepted.
	slowest = 30 * time.Second
	// farewell is how long requests have that are under way when the server ends.
	farewell = 3 * time.Second
	// maxHeader and maxBody bound a request, in bytes.
	maxHeader = 32 << 10
	maxBody   = 32 << 10
)

// Serve answers at a listener until ctx ends, and closes the listener and the
// server. Its error is nil if that is why it ended.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	defer s.Close()
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       slowest,
		WriteTimeout:      slowest,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("dash: serving: %w", err)
	case <-ctx.Done():
	}
	s.end() // live updates would never end by themselves
	soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	err := server.Shutdown(soon)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	<-ended
	if err != nil {
		return fmt.Errorf("dash: ending: %w", err)
	}
	return nil
}
