package broker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// clusterReplicas is on how many servers of a cluster is kept what nobody has
// said otherwise about: the fewest that lose nothing and go on when one dies.
const clusterReplicas = 3

// The server's words for more replicas than it can have, which the client
// library does not name: in a cluster that is too small, and in none.
const (
	errCodeNoPeers   jetstream.ErrorCode = 10005
	errCodeNoCluster jetstream.ErrorCode = 10074
)

const (
	// leaderTimeout bounds the wait for a cluster that has lost a server to
	// choose its leaders anew, which takes four to nine seconds.
	leaderTimeout = 20 * time.Second
	// leaderTry is how long one request waits: what was sent to a leader that
	// dies is not answered.
	leaderTry   = 3 * time.Second
	leaderPause = 100 * time.Millisecond
)

// Replicate calls create with the number of replicas to make a stream with when
// nobody has said: three on a cluster that has as many servers with JetStream,
// and else one. It returns what create gives.
func Replicate[T any](nc *nats.Conn, create func(replicas int) (T, error)) (T, error) {
	if nc.ConnectedClusterName() == "" {
		return create(1)
	}
	v, err := create(clusterReplicas)
	if tooFew(err) {
		return create(1)
	}
	return v, err
}

// tooFew reports whether a cluster has not enough servers. With the same code the
// server says that one of them is offline or has no room, which is no reason to
// keep everything in one place for ever.
func tooFew(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case errCodeNoCluster:
		return true
	case errCodeNoPeers:
		return !strings.Contains(api.Description, "offline") && !strings.Contains(api.Description, "insufficient")
	}
	return false
}

// createStream creates a stream with as many replicas as it says, or as there
// should be if it does not.
func createStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (jetstream.Stream, error) {
	if want.Replicas > 0 {
		return js.CreateStream(ctx, want)
	}
	return Replicate(js.Conn(), func(replicas int) (jetstream.Stream, error) {
		want.Replicas = replicas
		return js.CreateStream(ctx, want)
	})
}

// untilLed makes a request of the JetStream API, and makes it again while a
// cluster has no leader to answer it. What the user may not ask for fails with
// [ErrPermission].
func untilLed[T any](ctx context.Context, nc *nats.Conn, request func(context.Context) (T, error)) (T, error) {
	if nc.ConnectedClusterName() == "" {
		return UnlessRefused(ctx, nc, request)
	}
	ctx, cancel := context.WithTimeout(ctx, leaderTimeout)
	defer cancel()
	for {
		try, stop := context.WithTimeout(ctx, leaderTry)
		v, err := UnlessRefused(try, nc, request)
		stop()
		if !leaderless(err) {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, err
		case <-time.After(leaderPause):
		}
	}
}

func leaderless(err error) bool {
	switch apiCode(err) {
	case errCodeClusterNotAssigned, errCodeClusterNotAvail, errCodeClusterNotLeader, errCodeStreamOffline:
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
}
