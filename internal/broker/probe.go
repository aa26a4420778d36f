package broker

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// probeKey is a unique key that no task has: a task's key is not empty.
const probeKey = ""

// Probe stores a few bytes in a queue's stream, as a key that no task has, and removes
// them: so it tells whether the server really stores. Nothing stays, not even if it is
// interrupted and called again later; no host sees it. The error is [ErrPermission],
// [ErrStreamFull] or another refusal of the server's, or ctx's if it does not answer.
func Probe(ctx context.Context, js jetstream.JetStream, queue string) error {
	// Who may not remove must not store. This removes nothing.
	if err := Remove(ctx, js, queue, math.MaxInt64); err != nil {
		return err
	}
	left, err := heldKey(ctx, js, queue, probeKey)
	if err == nil && left != nil {
		err = Remove(ctx, js, queue, left.Sequence)
	}
	if err != nil {
		return err
	}
	subject := KeySubject(queue, probeKey)
	seq, err := UnlessRefusedOn(ctx, js.Conn(), subject, func(ctx context.Context) (uint64, error) {
		answer, err := js.Conn().RequestMsgWithContext(ctx, &nats.Msg{Subject: subject, Data: []byte("muster doctor")})
		switch {
		case errors.Is(err, nats.ErrNoResponders):
			return 0, ErrNoStream
		case err != nil:
			return 0, fmt.Errorf("storing a probe: %w", err)
		}
		v, seq, err := readPubAck(answer)
		if v != stored && err == nil {
			err = errors.New("the stream cannot store anything at the moment")
		}
		return seq, err
	})
	if err != nil {
		return err
	}
	return Remove(ctx, js, queue, seq)
}
