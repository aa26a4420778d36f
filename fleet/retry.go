package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/broker"
)

const (
	// retriedRetain is how long the outcome of a retried task is kept.
	retriedRetain = 24 * time.Hour
	// retryTimeout bounds the storing of one retried task.
	retryTimeout = 30 * time.Second
)

// RetryDead submits the task of a dead letter anew, to its queue, and removes the
// letter once the task is stored. It is a new task, whose id it gives: the one
// that was given up has had its outcome. Its attempts count from nothing, its
// deadline is gone, and its outcome is kept for 24 hours, for producer.Attach.
//
// The new id follows from the letter's, and the task has a unique key: so a retry
// that was interrupted, or that two make at the same time, can be repeated, and
// the task still runs as one.
//
// Its error wraps [ErrNoLetter], [ErrLetterID], [ErrNoTask], [ErrKeyHeld] or
// [ErrArgumentGone], or says why the broker has not taken the task. The letter
// stays then.
func (f *Fleet) RetryDead(ctx context.Context, id string) (codec.ID, error) {
	d, err := f.DeadLetter(ctx, id)
	if err != nil {
		return codec.ID{}, err
	}
	if d.task == nil {
		return codec.ID{}, fmt.Errorf("%w: %s; it can be shown and removed", ErrNoTask, id)
	}
	ctx, cancel := context.WithTimeout(ctx, retryTimeout)
	defer cancel()
	renewed := renewedID(id)
	if err := f.submitAgain(ctx, &d, renewed); err != nil {
		return codec.ID{}, fmt.Errorf("retrying %s: %w", id, err)
	}
	return renewed, f.remove(ctx, &d)
}

// renewedID returns the id under which a dead letter's task is submitted anew: one of
// the same group, whose clients may ask for the outcome.
func renewedID(letter string) codec.ID {
	sum := sha256.Sum256([]byte("muster: retry of " + letter))
	client := hex.EncodeToString(sum[:10])
	if group, _, ok := strings.Cut(letter, "."); ok {
		client = group + "." + client
	}
	return codec.ID{Client: client, N: 1}
}

// submitAgain stores a dead letter's task under an id, unless it has been.
func (f *Fleet) submitAgain(ctx context.Context, d *DeadLetter, id codec.ID) error {
	done, err := exists(ctx, f.js, broker.ResultsStream, broker.ResultSubject(id.Client, id.N))
	if err != nil || done {
		return err
	}
	if d.task.Object != "" {
		switch there, err := f.objects.Has(ctx, d.task.Object); {
		case err != nil:
			return err
		case !there:
			return ErrArgumentGone
		}
	}
	if err := f.ensure(ctx, d.Queue); err != nil {
		return err
	}
	msg := nats.NewMsg(broker.TaskSubject(d.Queue, broker.Normal))
	msg.Header.Set(jetstream.MsgIDHeader, "retry."+id.String())
	task := anew(d.task, id)
	batch := codec.NewBatch(id.Client, nil)
	batch.Add(&task)
	msg.Data = batch.Bytes()
	holder, err := broker.PublishUnique(ctx, f.nc, d.Queue, task.Key, broker.KeyHolder{ID: id.String(), Func: task.Func}, msg)
	if err == nil && holder.ID != "" {
		return fmt.Errorf("%w %q: task %s; wait for that, or cancel it", ErrKeyHeld, task.Key, holder.ID)
	}
	return err
}

// anew returns a task as it was when it was submitted, but for its id, and with a
// key that it keeps others of its id out with.
func anew(t *codec.Task, id codec.ID) codec.Task {
	task := *t
	task.N, task.Numbered = id.N, false
	task.Crashes, task.Errors = 0, 0
	task.Deadline = time.Time{}
	task.Retain = max(task.Retain, retriedRetain)
	if task.Key == "" {
		task.Key = "retry." + id.String()
	}
	return task
}

// exists reports whether a stream keeps a message at a subject.
func exists(ctx context.Context, js jetstream.JetStream, stream, subject string) (bool, error) {
	s, err := js.Stream(ctx, stream)
	if err == nil {
		_, err = s.GetLastMsgForSubject(ctx, subject)
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, nil
	}
	return err == nil, err
}
