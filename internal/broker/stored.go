package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// storedMessages yields what a stream stores at the subjects that match filter,
// in order, one request and one message at a time. It leaves everything where
// it is. It ends with what had been stored when it began, or with an error. A stream
// that does not exist stores nothing.
func storedMessages(ctx context.Context, js jetstream.JetStream, name, filter string) iter.Seq2[*jetstream.RawStreamMsg, error] {
	return func(yield func(*jetstream.RawStreamMsg, error) bool) {
		stream, err := UnlessRefused(ctx, js.Conn(), func(ctx context.Context) (jetstream.Stream, error) {
			return js.Stream(ctx, name)
		})
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return
		}
		if err != nil {
			yield(nil, fmt.Errorf("reading stream %s: %w", name, err))
			return
		}
		state := stream.CachedInfo().State
		for seq := max(state.FirstSeq, 1); seq <= state.LastSeq; seq++ {
			msg, err := UnlessRefused(ctx, js.Conn(), func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
				return stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(filter))
			})
			switch {
			case errors.Is(err, jetstream.ErrMsgNotFound):
				return
			case err != nil:
				yield(nil, fmt.Errorf("reading stream %s: %w", name, err))
				return
			case msg.Sequence > state.LastSeq || !yield(msg, nil):
				return
			}
			seq = msg.Sequence
		}
	}
}

// removeMessage removes a message from a stream; that it is gone is no error.
func removeMessage(ctx context.Context, js jetstream.JetStream, name string, seq uint64) error {
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return err
	}
	_, err = UnlessRefused(ctx, js.Conn(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, stream.DeleteMsg(ctx, seq)
	})
	if err == nil || errors.Is(err, ErrPermission) {
		return err
	}
	// The client library does not tell why.
	if _, missing := stream.GetMsg(ctx, seq); errors.Is(missing, jetstream.ErrMsgNotFound) {
		return nil
	}
	return err
}

// purgeTimeout bounds a purge whose context has no deadline.
const purgeTimeout = 5 * time.Second

// purgeSubject removes what a stream stores at a subject, which may have wildcards.
// It is one request, where the client library makes two.
func purgeSubject(ctx context.Context, nc *nats.Conn, stream, subject string) error {
	request, err := json.Marshal(jetstream.StreamPurgeRequest{Subject: subject})
	if err != nil {
		return err
	}
	if _, ok := ctx.Deadline(); !ok { // as the client library does
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, purgeTimeout)
		defer cancel()
	}
	answer, err := UnlessRefused(ctx, nc, func(ctx context.Context) (*nats.Msg, error) {
		return nc.RequestWithContext(ctx, apiPrefix+"STREAM.PURGE."+stream, request)
	})
	if err != nil {
		return err
	}
	var purged struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &purged); err != nil {
		return fmt.Errorf("the answer does not read: %w", err)
	}
	if purged.Error != nil {
		return purged.Error
	}
	return nil
}
