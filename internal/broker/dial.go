package broker

import (
	"context"

	"github.com/nats-io/nats.go"
)

// Dial connects to the broker at url as cfg.Credentials say, or as [Resolve] finds
// if they or the url are empty. Its errors are those of Resolve and [Connect].
func Dial(ctx context.Context, url string, cfg Config) (*nats.Conn, error) {
	url, who, err := Resolve(url, cfg.Credentials)
	if err != nil {
		return nil, err
	}
	cfg.URL, cfg.Credentials = url, who
	return Connect(ctx, cfg)
}
