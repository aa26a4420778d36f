package producer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
	"github.com/musterfleet/muster/internal/transport"
)

// maxWatchPending bounds what a watch has received and not yet looked at, in
// bytes. What is dropped beyond it is asked for again.
const maxWatchPending = 16 << 20

// results is the stream of stored outcomes.
type results struct{ r *remote }

// Results returns the stream of stored outcomes.
func (r *remote) Results() transport.Results { return r.results }

// Get asks any replica of the stream; what one does not know yet is asked for
// again.
func (s results) Get(ctx context.Context, id codec.ID) ([]byte, error) {
	return broker.Last(ctx, s.r.nc, broker.ResultsStream, broker.ResultSubject(id.Client, id.N))
}

// Keep stores an outcome on the condition that there is none.
func (s results) Keep(ctx context.Context, id codec.ID, outcome []byte, retain time.Duration) ([]byte, error) {
	msg := nats.NewMsg(broker.ResultSubject(id.Client, id.N))
	msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, "0")
	msg.Header.Set(jetstream.MsgTTLHeader, strconv.Itoa(int((retain+time.Second-1)/time.Second)))
	msg.Data = outcome
	_, err := s.r.js.PublishMsg(ctx, msg)
	var refused *jetstream.APIError
	switch {
	case err == nil:
		return outcome, nil
	case !errors.As(err, &refused) || refused.ErrorCode != jetstream.JSErrCodeStreamWrongLastSequence:
		return nil, fmt.Errorf("storing an outcome: %w", err)
	}
	stands, err := s.Get(ctx, id)
	if err == nil && stands == nil {
		err = fmt.Errorf("reading %s: there is an outcome of task %s, and it cannot be read yet", broker.ResultsStream, id)
	}
	return stands, err
}

// Watch subscribes to the live copies of a client's stored outcomes.
func (s results) Watch(client string) (stop func(), err error) {
	sub, err := s.r.nc.Subscribe(broker.LiveWildcard(client), s.r.receiveKept)
	if err == nil {
		err = sub.SetPendingLimits(-1, maxWatchPending)
	}
	if err != nil {
		return nil, fmt.Errorf("producer: listening for outcomes of client %s: %w", client, err)
	}
	return func() {
		if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			s.r.logger.Debug("unsubscribing from outcomes", "client", client, "error", err)
		}
	}, nil
}
