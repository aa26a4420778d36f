package broker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Letter is a dead letter as it is stored.
type Letter struct {
	Seq    uint64 // its place among the dead letters
	Queue  string
	Client string // whose task it was; empty for a message that is not a batch of tasks
	N      uint64 // the client's number for the task, or the message's place in the queue
	Data   []byte
}

// Letters yields the dead letters of a queue, or of all if the queue is empty,
// in the order in which they were stored. It holds one at a time, asks the
// broker for each, and ends with what had been stored when it began, or with
// an error.
func Letters(ctx context.Context, js jetstream.JetStream, queue string) iter.Seq2[Letter, error] {
	filter := deadPrefix + ">"
	if queue != "" {
		filter = DeadWildcard(queue)
	}
	return func(yield func(Letter, error) bool) {
		for msg, err := range storedMessages(ctx, js, DeadStream, filter) {
			if err != nil {
				yield(Letter{}, err)
				return
			}
			if letter, ok := readLetter(msg); ok && !yield(letter, nil) {
				return
			}
		}
	}
}

// TaskLetter returns the dead letter of a client's n-th task, whatever its queue,
// or [ErrNoLetter].
func TaskLetter(ctx context.Context, js jetstream.JetStream, client string, n uint64) (Letter, error) {
	return oneLetter(ctx, js, DeadSubject("*", client, n))
}

// UnreadLetter returns the dead letter of a message that is not a batch of tasks,
// by its place in the queue, or [ErrNoLetter].
func UnreadLetter(ctx context.Context, js jetstream.JetStream, queue string, seq uint64) (Letter, error) {
	return oneLetter(ctx, js, UnreadSubject(queue, seq))
}

func oneLetter(ctx context.Context, js jetstream.JetStream, subject string) (Letter, error) {
	for msg, err := range storedMessages(ctx, js, DeadStream, subject) {
		if err != nil {
			return Letter{}, err
		}
		if letter, ok := readLetter(msg); ok {
			return letter, nil
		}
	}
	return Letter{}, ErrNoLetter
}

// readLetter is not ok for what Muster has not stored.
func readLetter(msg *jetstream.RawStreamMsg) (l Letter, ok bool) {
	rest, ok := strings.CutPrefix(msg.Subject, deadPrefix)
	tokens := strings.Split(rest, ".")
	if !ok || len(tokens) != 3 && len(tokens) != 4 { // 4: the client has a group
		return l, false
	}
	l = Letter{Seq: msg.Sequence, Queue: tokens[0], Data: msg.Data}
	last := len(tokens) - 1
	if tokens[1] != unreadToken {
		l.Client = strings.Join(tokens[1:last], ".")
	}
	l.N, ok = parseDigits(tokens[last])
	return l, ok && (l.Client != "" || last == 2)
}

// RemoveLetter removes a dead letter by its place; that it is gone is no error.
func RemoveLetter(ctx context.Context, js jetstream.JetStream, seq uint64) error {
	if err := removeMessage(ctx, js, DeadStream, seq); err != nil {
		return fmt.Errorf("removing a dead letter: %w", err)
	}
	return nil
}

// CountScheduled counts the tasks that wait for their time, by queue; those of
// one queue alone if it is not empty. It holds the subjects of all at a time.
func CountScheduled(ctx context.Context, js jetstream.JetStream, queue string) (map[string]int, error) {
	return countByQueue(ctx, js, ScheduleStream, schedPrefix, queue)
}

// CountLetters is [CountScheduled] for dead letters.
func CountLetters(ctx context.Context, js jetstream.JetStream, queue string) (map[string]int, error) {
	return countByQueue(ctx, js, DeadStream, deadPrefix, queue)
}

// countByQueue counts the subjects of a stream, of which each has one message.
// Cron schedules do not count: they are no task yet.
func countByQueue(ctx context.Context, js jetstream.JetStream, name, prefix, queue string) (map[string]int, error) {
	if queue == "" {
		queue = "*"
	}
	counts := map[string]int{}
	stream, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return counts, nil
	}
	if err != nil {
		return nil, fmt.Errorf("counting in stream %s: %w", name, err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(prefix+queue+".>"))
	if err != nil {
		return nil, fmt.Errorf("counting in stream %s: %w", name, err)
	}
	for subject := range info.State.Subjects {
		tokens := strings.Split(strings.TrimPrefix(subject, prefix), ".")
		if len(tokens) < 3 || tokens[2] != cronToken {
			counts[tokens[0]]++
		}
	}
	return counts, nil
}
