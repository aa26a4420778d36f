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

// DeadLetter gives one dead letter by its id, which is that of its task. Its
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

// RemoveDead removes a dead letter for good. Its error wraps [ErrNoLetter] or
// [ErrLetterID].
func (f *Fleet) RemoveDead(ctx context.Context, id string) error {
	d, err := f.DeadLetter(ctx, id)
	if err != nil {
		return err
	}
	return f.remove(ctx, &d)
}

func (f *Fleet) remove(ctx context.Context, d *DeadLetter) error {
	if err := broker.RemoveLetter(ctx, f.js, d.seq); err != nil {
		return err
	}
	return nil
}
