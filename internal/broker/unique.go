package broker

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Headers of an atomic batch; the client library does not name them.
const (
	batchIDHeader       = "Nats-Batch-Id"
	batchSequenceHeader = "Nats-Batch-Sequence"
	batchCommitHeader   = "Nats-Batch-Commit"
)

// FuncHeader is the header of a unique key's message that names the func that the
// task which holds the key calls.
const FuncHeader = "Muster-Func"

// KeyHolder is a task that holds a unique key, or is to.
type KeyHolder struct {
	ID   string
	Func string // empty if it is not known: older clients do not store it
}

// PublishUnique stores a task's message together with a unique key of the
// queue, or neither if another task holds the key. It returns the task that
// holds the key then, and a zero KeyHolder if the message is stored; own is the
// task itself.
//
// It tries until it has an answer, or ctx ends, or no stream has answered for
// 20 s; so ctx should have a deadline. After ctx has ended the message may be
// stored. Calling it again with the same id is safe: while the task holds the
// key it counts as stored, and if the message carries a Nats-Msg-Id, as
// it should, also when the key was released a short while ago.
//
// The errors are ctx's, those of [Publisher.Publish], and [ErrPermission].
func PublishUnique(ctx context.Context, nc *nats.Conn, queue, key string, own KeyHolder, task *nats.Msg) (holder KeyHolder, err error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return KeyHolder{}, fmt.Errorf("opening JetStream: %w", err)
	}
	before := nc.LastError()
	var missing time.Time // since when "no responders" is the only answer
	for {
		v, err := publishPair(ctx, nc, keyMessage(queue, key, own), task)
		switch {
		case v == stored, apiCode(err) == errCodeBatchDuplicate:
			return KeyHolder{}, nil
		case errors.Is(err, ErrWrongLastSequence):
			held, err := heldKey(ctx, js, queue, key)
			switch {
			case errors.Is(err, ErrPermission):
				return KeyHolder{}, fmt.Errorf("asking who holds a unique key: %w", err)
			case err != nil, held == nil: // not to be known at the moment, or released in between
			case string(held.Data) == own.ID:
				return KeyHolder{}, nil
			default:
				return KeyHolder{ID: string(held.Data), Func: held.Header.Get(FuncHeader)}, nil
			}
		case v == refused, v == full:
			return KeyHolder{}, fmt.Errorf("storing a task with a unique key: %w", err)
		}
		if err := nc.LastError(); err != before {
			if r := refusalIn(err); r != nil && (r.subject == task.Subject || r.subject == KeySubject(queue, key)) {
				return KeyHolder{}, fmt.Errorf("storing a task with a unique key: %w", r)
			}
		}
		switch now := time.Now(); {
		case v != noStream:
			missing = time.Time{}
		case missing.IsZero():
			missing = now
		case now.Sub(missing) > defaultTiming.noStream:
			return KeyHolder{}, fmt.Errorf("%w %s, for %s now", ErrNoStream, task.Subject, defaultTiming.noStream)
		}
		select {
		case <-ctx.Done():
			return KeyHolder{}, fmt.Errorf("storing a task with a unique key: %w", context.Cause(ctx))
		case <-time.After(defaultTiming.retry*2/5 + rand.N(defaultTiming.retry*3/5)):
		}
	}
}

// ReleaseKey removes a unique key if the task with this id holds it. That
// somebody else holds it, or nobody, is no error. While a stream elects a leader
// it fails, and can be called again.
func ReleaseKey(ctx context.Context, js jetstream.JetStream, queue, key, id string) error {
	held, err := heldKey(ctx, js, queue, key)
	if err == nil && held != nil && string(held.Data) == id {
		err = Remove(ctx, js, queue, held.Sequence)
	}
	if err != nil {
		return fmt.Errorf("releasing a unique key: %w", err)
	}
	return nil
}

// HoldsKey reports whether the task with this id holds a unique key. Nobody does where
// there is no such queue.
func HoldsKey(ctx context.Context, js jetstream.JetStream, queue, key, id string) (bool, error) {
	held, err := heldKey(ctx, js, queue, key)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("asking who holds a unique key: %w", err)
	}
	return held != nil && string(held.Data) == id, nil
}

// heldKey is nil if nobody holds the key.
func heldKey(ctx context.Context, js jetstream.JetStream, queue, key string) (*jetstream.RawStreamMsg, error) {
	held, err := UnlessRefused(ctx, js.Conn(), func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		stream, err := js.Stream(ctx, TaskStream(queue))
		if err != nil {
			return nil, err
		}
		return stream.GetLastMsgForSubject(ctx, KeySubject(queue, key))
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	return held, err
}

func keyMessage(queue, key string, own KeyHolder) *nats.Msg {
	msg := &nats.Msg{
		Subject: KeySubject(queue, key),
		Header:  nats.Header{jetstream.ExpectedLastSubjSeqHeader: {"0"}},
		Data:    []byte(own.ID),
	}
	if own.Func != "" {
		msg.Header.Set(FuncHeader, own.Func)
	}
	return msg
}

// publishPair stores both messages or neither. Without an answer the verdict
// is tryAgain.
func publishPair(ctx context.Context, nc *nats.Conn, first, second *nats.Msg) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, defaultTiming.ack)
	defer cancel()
	id := crand.Text()
	err := nc.PublishMsg(inBatch(first, id, "1"))
	var answer *nats.Msg
	if err == nil {
		last := inBatch(second, id, "2")
		last.Header.Set(batchCommitHeader, "1")
		answer, err = nc.RequestMsgWithContext(ctx, last)
	}
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return noStream, nil
	case rejected(err) != nil:
		return refused, rejected(err)
	case err != nil:
		return tryAgain, nil
	}
	v, _, err := readPubAck(answer)
	return v, err
}

func inBatch(msg *nats.Msg, id, sequence string) *nats.Msg {
	header := maps.Clone(msg.Header)
	if header == nil {
		header = nats.Header{}
	}
	header.Set(batchIDHeader, id)
	header.Set(batchSequenceHeader, sequence)
	return &nats.Msg{Subject: msg.Subject, Header: header, Data: msg.Data}
}
