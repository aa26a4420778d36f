package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// MinServer is the oldest nats-server that will do: 2.14 brought cron schedules,
// and a stream that fetches from another without losing messages.
const MinServer = "2.14.0"

const checkTimeout = 5 * time.Second

// Check returns the JetStream of a connection after making sure that it can be
// used, within ctx or 5 seconds, on a cluster 20: the server is at least [MinServer]
// ([ErrServerVersion]), and JetStream is enabled and permitted to this user
// ([ErrNoJetStream]). It needs the right to publish to $JS.API.INFO.
func Check(ctx context.Context, nc *nats.Conn) (jetstream.JetStream, error) {
	if err := CheckVersion(nc); err != nil {
		return nil, err
	}
	return CheckJetStream(ctx, nc)
}

// CheckVersion is the first half of [Check].
func CheckVersion(nc *nats.Conn) error {
	if have := nc.ConnectedServerVersion(); !versionAtLeast(have, MinServer) {
		return fmt.Errorf("%w: %s is version %q: upgrade it to %s or later", ErrServerVersion, Redact(nc.ConnectedUrl()), have, MinServer)
	}
	return nil
}

// CheckJetStream is the second half of [Check].
func CheckJetStream(ctx context.Context, nc *nats.Conn) (jetstream.JetStream, error) {
	url := Redact(nc.ConnectedUrl())
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("opening JetStream: %w", err)
	}
	_, err = untilLed(ctx, nc, func(ctx context.Context) (*jetstream.AccountInfo, error) {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		return js.AccountInfo(ctx)
	})
	switch {
	case err == nil:
		return js, nil
	case errors.Is(err, ErrPermission):
		return nil, fmt.Errorf("%w: %s: %w: is its group the right one (--group, MUSTER_GROUP)?", ErrNoJetStream, url, err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("%w: it is off at %s: start nats-server with -js, or use muster serve", ErrNoJetStream, url)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return nil, fmt.Errorf("%w: the account has none at %s: enable jetstream for it in the server's configuration", ErrNoJetStream, url)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%w: no answer from %s: may this user publish to $JS.API.INFO and subscribe to its inbox? %w", ErrNoJetStream, url, err)
	}
	return nil, fmt.Errorf("asking %s for its JetStream: %w", url, err)
}

// versionAtLeast compares major, minor and patch; what follows them, such as
// "-RC.1", does not count. A version that cannot be read is too old.
func versionAtLeast(have, want string) bool {
	h, w := version(have), version(want)
	for i := range h {
		if h[i] != w[i] {
			return h[i] > w[i]
		}
	}
	return true
}

func version(s string) (v [3]int) {
	s, _, _ = strings.Cut(s, "-")
	for i, part := range strings.SplitN(s, ".", 3) {
		n, err := strconv.Atoi(part)
		if err != nil {
			return [3]int{}
		}
		v[i] = n
	}
	return v
}
