package fleet

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/musterfleet/muster/internal/broker"
)

// DeadLetters yields the dead letters of a queue, or of all if queue is empty,
// the oldest first. It holds one at a time, and ends with what there was when it
// began, or with an error, which wraps [ErrQueueName] for a name that is none.
func (f *Fleet) DeadLetters(ctx context.Context, queue string) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		if queue != "" {
			if err := broker.ValidQueue(queue); err != nil {
				yield(DeadLetter{}, err)
				return
			}
		}
		for letter, err := range broker.Letters(ctx, f.js, queue) {
			if err != nil {
				yield(DeadLetter{}, err)
				return
			}
			if !yield(read(letter), nil) {
				return
			}
		}
	}
}

// DeadLetter returns one dead letter by its id, which is that of its task. Its
// error wraps [ErrNoLetter] or [ErrLetterID].
func (f *Fleet) DeadLetter(ctx context.Context, id string) (DeadLetter, error) {
	task, queue, seq, err := parseID(id)
	if err != nil {
		return DeadLetter{}, err
	}
	var letter broker.Letter
	if queue != "" {
		letter, err = broker.UnreadLetter(ctx, f.js, queue, seq)
	} else {
		letter, err = broker.TaskLetter(ctx, f.js, task.Client, task.N)
	}
	if errors.Is(err, broker.ErrNoLetter) {
		return DeadLetter{}, fmt.Errorf("%w: %s", ErrNoLetter, id)
	}
	if err != nil {
		return DeadLetter{}, err
	}
	return read(letter), nil
}

// CountDead returns the number of dead letters of a queue. Its error wraps
// [ErrQueueName] for a name that is none.
func (f *Fleet) CountDead(ctx context.Context, queue string) (int, error) {
	if err := broker.ValidQueue(queue); err != nil {
		return 0, err
	}
	counts, err := broker.UnlessRefused(ctx, f.nc, func(ctx context.Context) (map[string]int, error) {
		return broker.CountLetters(ctx, f.js, queue)
	})
	return counts[queue], err
}

// RemoveDead removes a dead letter for good, and the argument of its task from the
// object store, if it was too large for a message. Its error wraps [ErrNoLetter] or
// [ErrLetterID].
func (f *Fleet) RemoveDead(ctx context.Context, id string) error {
	d, err := f.DeadLetter(ctx, id)
	if err != nil {
		return err
	}
	if d.task == nil || d.task.Object == "" {
		return f.remove(ctx, &d)
	}
	// A retry that was interrupted may have left the letter, and the argument is the
	// new task's then.
	renewed := renewedID(id)
	retried, err := broker.HoldsKey(ctx, f.js, d.Queue, anew(d.task, renewed).Key, renewed.String())
	if err != nil {
		return err
	}
	if err := f.remove(ctx, &d); err != nil {
		return err
	}
	if !retried {
		f.removeObject(ctx, d.task.Object)
	}
	return nil
}

// removeObject removes the large argument of a task that is gone. One that cannot be
// removed now expires later, so that is no error.
func (f *Fleet) removeObject(ctx context.Context, name string) {
	if name == "" {
		return
	}
	if err := f.objects.Remove(ctx, name); err != nil {
		f.logger.Warn("a large argument stays in the object store until it expires", "object", name, "error", err)
	}
}

func (f *Fleet) remove(ctx context.Context, d *DeadLetter) error {
	if err := broker.RemoveLetter(ctx, f.js, d.seq); err != nil {
		return err
	}
	return nil
}
