package conformance

import (
	"io"
	"log/slog"

	"github.com/musterfleet/muster/pool"
)

// quiet keeps the deaths that a test is about out of its output.
func quiet() pool.Option {
	return func(c *pool.Config) error {
		c.Logger = slog.New(slog.DiscardHandler)
		c.Stdout, c.Stderr = io.Discard, io.Discard
		return nil
	}
}
