package producer

import (
	"fmt"
	"time"

	"github.com/musterfleet/muster/codec"
)

// call is what the options of one call, or of one Map, come to.
type call struct {
	placing
	deadline   time.Time
	limit      time.Duration
	maxCrashes int
	maxErrors  int
	backoff    time.Duration
	retain     time.Duration
	header     map[string]string
	chunk      int
	chosen     *int // where Map says how large its chunks were
	buffer     int
}

// CallOption is an option of one [Submit], [Map] or [Schedule]. Its error wraps
// [ErrOption].
type CallOption func(*call) error

// Deadline sets the time after which the task is not started any more; then it
// fails with codec.ErrExpired. The handler's context ends at the same time. It is
// before the year 2262; the zero time means no deadline.
func Deadline(t time.Time) CallOption {
	return func(c *call) error {
		c.deadline = t
		if epoch := time.Unix(0, 0); !t.IsZero() && t.Before(epoch) {
			c.deadline = epoch // has passed as well, and fits the wire
		}
		return checkTime("a deadline", t)
	}
}

// Limit sets how long the task may run, from its start in a worker process, each
// attempt anew. Then it is stopped, at first by its context and at last with its
// process, and fails with codec.ErrTimeLimit. It is at most codec.MaxLimit. It
// mirrors the timeout of pebble's ProcessPool.schedule.
func Limit(d time.Duration) CallOption {
	return func(c *call) error {
		c.limit = d
		return checkPeriod("a time limit", d, codec.MaxLimit)
	}
}

// Crashes sets how many attempts of the task may end with their process before
// it fails with codec.ErrWorkerDied: 1 to codec.MaxAttempts. The default is
// codec.DefaultCrashes; 1 means that a task is never run again, as in Python's
// executor.
func Crashes(n int) CallOption {
	return func(c *call) error {
		c.maxCrashes = n
		return checkBudget("a crash budget", n)
	}
}

// Attempts sets how many attempts of the task may end with an error of the
// handler's, or its panic, before that is the outcome: 1 to codec.MaxAttempts. The default is 1: the
// first error is final, as in Python's executor. An error that the handler marks
// with codec.Final is final always. Crashes have a budget of their own, see
// [Crashes].
func Attempts(n int) CallOption {
	return func(c *call) error {
		c.maxErrors = n
		return checkBudget("an error budget", n)
	}
}

// maxBackoff is the longest wait after the first error.
const maxBackoff = 10 * time.Minute

// Backoff sets how long the task waits after its first error, if [Attempts]
// allows another attempt: codec.DefaultBackoff unless set, at most 10 minutes.
// Each further error doubles it, up to 10 minutes; some of it is left to chance,
// so that tasks that have failed together do not come back together.
func Backoff(d time.Duration) CallOption {
	return func(c *call) error {
		c.backoff = d
		return checkPeriod("a backoff", d, maxBackoff)
	}
}

// MaxRetain is the longest that the broker keeps an outcome.
const MaxRetain = 7 * 24 * time.Hour

// Retain makes the future durable: the broker keeps the task's outcome for so
// long, a second to [MaxRetain], and any client may ask for it by the task's id,
// see [Attach], also when this one is gone.
func Retain(d time.Duration) CallOption {
	return func(c *call) error {
		if d < time.Second || d > MaxRetain {
			return fmt.Errorf("%w: an outcome kept for %v; use %v to %v", ErrOption, d, time.Second, MaxRetain)
		}
		c.retain = d
		return nil
	}
}

// Header adds entries that travel with the task to its handler, such as trace
// context.
func Header(h map[string]string) CallOption {
	return func(c *call) error {
		c.header = h
		return nil
	}
}

// Chunk makes Map send n arguments in one message, which one worker process
// runs in order; it waits until it has read so many. Without it the client
// chooses, from the run times that outcomes report. It mirrors the chunksize of
// Executor.map.
func Chunk(n int) CallOption {
	return func(c *call) error {
		if n < 1 || n > maxChunk {
			return fmt.Errorf("%w: a chunk of %d; use 1 to %d", ErrOption, n, maxChunk)
		}
		c.chunk = n
		return nil
	}
}

// ChosenChunk has Map say how many arguments it has sent in one message, on
// average: what it chose by itself, or what [Chunk] has told it. It is in *size
// once the iteration has ended, 0 if nothing was sent.
func ChosenChunk(size *int) CallOption {
	return func(c *call) error {
		if size == nil {
			return fmt.Errorf("%w: ChosenChunk without a place to put it", ErrOption)
		}
		c.chosen = size
		return nil
	}
}

// Buffer sets how many arguments Map reads ahead of the result that it yields
// next, [DefaultBuffer] unless set, and at least a whole [Chunk]: so many before
// it yields the first result, and one more for each. It mirrors the buffersize
// of Executor.map, which counts chunks where there are chunks.
func Buffer(n int) CallOption {
	return func(c *call) error {
		if n < 1 {
			return fmt.Errorf("%w: a buffer of %d; use 1 or more", ErrOption, n)
		}
		c.buffer = n
		return nil
	}
}

func newCall(client *Client, options []CallOption) (call, error) {
	c := call{placing: placing{queue: client.queue, lane: Normal}, buffer: DefaultBuffer}
	if len(options) == 0 {
		return c, nil // and it stays on the stack
	}
	return c.with(options)
}

// plain reports whether the options leave no trace in the call's tasks.
func (c *call) plain() bool {
	return c.maxCrashes|c.maxErrors == 0 && c.backoff|c.limit|c.retain == 0 &&
		c.deadline.IsZero() && c.at.IsZero() && c.key == "" && len(c.header) == 0 && c.chunk == 0
}

// with returns the call as options change it.
func (c call) with(options []CallOption) (call, error) {
	for _, option := range options {
		if err := option(&c); err != nil {
			return call{}, err
		}
	}
	if c.key != "" {
		if !c.at.IsZero() {
			return call{}, fmt.Errorf("%w: Key with Delay or At: a key is held from the submit on, and the task is not in the queue yet; use one of them", ErrOption)
		}
		if c.retain == 0 {
			c.retain = keyRetain
		}
	}
	if !c.at.After(time.Now()) {
		c.at = time.Time{}
	}
	return c, nil
}
