package broker

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Last returns what a stream that allows direct reads keeps at a subject, and nil if
// that is nothing. Any replica of the stream answers; one may not know the latest
// yet. It needs no right but to ask for that subject, in the stream's
// $JS.API.DIRECT.GET, and no other answer tells of the stream. The error is
// [ErrPermission] without it, or ctx's, or says what the broker answered.
func Last(ctx context.Context, nc *nats.Conn, stream, subject string) ([]byte, error) {
	msg, err := UnlessRefused(ctx, nc, func(ctx context.Context) (*nats.Msg, error) {
		return nc.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+stream+"."+subject, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", stream, err)
	}
	switch status := msg.Header.Get("Status"); status {
	case "":
		return msg.Data, nil
	case "404":
		return nil, nil
	default:
		return nil, fmt.Errorf("reading %s: the broker says %s %s", stream, status, msg.Header.Get("Description"))
	}
}
