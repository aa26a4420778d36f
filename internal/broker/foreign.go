package broker

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// errCodeSubjectOverlap is the server's word for a new stream whose subjects
// an existing stream takes; the client library does not name it.
const errCodeSubjectOverlap jetstream.ErrorCode = 10065

// differences collects the fields in which what exists is not what is needed.
type differences []string

func (d *differences) equal(field string, want, have any) {
	if !reflect.DeepEqual(want, have) {
		*d = append(*d, fmt.Sprintf("%s: want %v, have %v", field, want, have))
	}
}

// atLeast takes a negative number for no limit, as the server does.
func atLeast[N int | time.Duration](d *differences, field string, want, have N) {
	if have >= 0 && have < want {
		*d = append(*d, fmt.Sprintf("%s: want %v or more, have %v", field, want, have))
	}
}

// streamDifferences compares what Muster relies on. Sizes and ages are the
// operator's, and count only when opts asks for them.
func streamDifferences(want, have jetstream.StreamConfig, opts StreamOptions) differences {
	var d differences
	d.equal("subjects", want.Subjects, have.Subjects)
	d.equal("retention", want.Retention, have.Retention)
	d.equal("storage", want.Storage, have.Storage)
	d.equal("discard", want.Discard, have.Discard)
	d.equal("discard_new_per_subject", want.DiscardNewPerSubject, have.DiscardNewPerSubject)
	d.equal("max_msgs_per_subject", max(want.MaxMsgsPerSubject, 0), max(have.MaxMsgsPerSubject, 0))
	d.equal("no_ack", want.NoAck, have.NoAck)
	d.equal("sealed", want.Sealed, have.Sealed)
	d.equal("mirror", want.Mirror != nil, have.Mirror != nil)
	d.equal("allow_direct", want.AllowDirect, have.AllowDirect)
	d.equal("allow_msg_ttl", want.AllowMsgTTL, have.AllowMsgTTL)
	d.equal("allow_msg_schedules", want.AllowMsgSchedules, have.AllowMsgSchedules)
	d.equal("allow_atomic", want.AllowAtomicPublish, have.AllowAtomicPublish)
	d.equal("sources", sources(want), sources(have))
	d.equal("republish", republish(want), republish(have))
	atLeast(&d, "duplicate_window", want.Duplicates, have.Duplicates)
	if opts.Replicas > 0 {
		d.equal("num_replicas", want.Replicas, have.Replicas)
	}
	if opts.MaxBytes > 0 && want.Retention == jetstream.WorkQueuePolicy {
		d.equal("max_bytes", want.MaxBytes, have.MaxBytes)
	}
	return d
}

func republish(c jetstream.StreamConfig) jetstream.RePublish {
	if c.RePublish == nil {
		return jetstream.RePublish{}
	}
	return *c.RePublish
}

// sources is every source as text, with what Muster relies on.
func sources(c jetstream.StreamConfig) (all []string) {
	for _, s := range c.Sources {
		var consumer jetstream.StreamConsumerSource
		if s.Consumer != nil {
			consumer = *s.Consumer
		}
		all = append(all, fmt.Sprint(s.Name, s.SubjectTransforms, consumer))
	}
	return all
}

func consumerDifferences(want, have jetstream.ConsumerConfig) differences {
	var d differences
	d.equal("filter_subject", want.FilterSubject, have.FilterSubject)
	d.equal("filter_subjects", len(want.FilterSubjects), len(have.FilterSubjects))
	d.equal("deliver_subject", want.DeliverSubject, have.DeliverSubject)
	d.equal("deliver_policy", want.DeliverPolicy, have.DeliverPolicy)
	d.equal("ack_policy", want.AckPolicy, have.AckPolicy)
	d.equal("ack_wait", want.AckWait, have.AckWait)
	d.equal("backoff", len(want.BackOff), len(have.BackOff))
	d.equal("max_deliver", want.MaxDeliver, have.MaxDeliver)
	d.equal("headers_only", want.HeadersOnly, have.HeadersOnly)
	d.equal("priority_policy", want.PriorityPolicy, have.PriorityPolicy)
	atLeast(&d, "max_ack_pending", want.MaxAckPending, have.MaxAckPending)
	atLeast(&d, "max_waiting", want.MaxWaiting, have.MaxWaiting)
	return d
}

// foreign is nil when nothing differs.
func foreign(what string, d differences) error {
	if len(d) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s: %s: edit it, or delete it and let muster create it", ErrForeignStream, what, strings.Join(d, "; "))
}

// apiCode is the JetStream API's error code within err, or 0.
func apiCode(err error) jetstream.ErrorCode {
	if js, ok := errors.AsType[jetstream.JetStreamError](err); ok && js.APIError() != nil {
		return js.APIError().ErrorCode
	}
	return 0
}
