package handoff

import (
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

// StoredTTL is how long RESULTS keeps an outcome that nobody asked to keep.
const StoredTTL = 24 * time.Hour

// keep stores an outcome in RESULTS for a time, which the server counts in
// seconds. It refuses one that is there already: the first outcome of a task
// stands, and that is as good.
func (d *Desk) keep(client string, o *codec.Outcome, ttl time.Duration, done func(error)) {
	single := codec.NewOutcomes(client, nil)
	single.Add(o)
	seconds := int64((ttl + time.Second - 1) / time.Second)
	msg := nats.NewMsg(broker.ResultSubject(client, o.N))
	msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, "0")
	msg.Header.Set(jetstream.MsgTTLHeader, strconv.FormatInt(seconds, 10))
	msg.Data = single.Bytes()
	d.publisher.Publish(msg, func(_ uint64, err error) {
		if errors.Is(err, broker.ErrWrongLastSequence) {
			err = nil
		}
		if err == nil && d.counter != nil {
			d.counter.HandedStored(1)
		}
		done(err)
	})
}
