package broker

import (
	"context"

	"github.com/nats-io/nats.go"
)

// Dial connects to the broker at url, or to the one that [ResolveURL] finds if
// url is empty. Its errors are those of ResolveURL and [Connect].
func Dial(ctx context.Context, url string, cfg Config) (*nats.Conn, error) {
	url, options, err := ResolveURL(url)
	if err != nil {
		return nil, err
	}
	cfg.URL = url
	cfg.Options = append(options, cfg.Options...)
	return Connect(ctx, cfg)
}
