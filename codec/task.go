package codec

import "time"

// DefaultBackoff is how long a task waits after its first error if its error
// budget allows another attempt.
const DefaultBackoff = time.Second

// DefaultCrashes is how many attempts of a task may end with their process
// before the task fails with [ErrWorkerDied].
const DefaultCrashes = 3

// What a task can carry on the wire.
const (
	// MaxAttempts is the largest budget of crashes, or of errors.
	MaxAttempts = 1 << 20
	// MaxLimit is the longest time limit.
	MaxLimit = 365 * 24 * time.Hour
)

// Task is one call of a func.
type Task struct {
	N    uint64 // the client's number for the task
	Func string
	Arg  []byte // encoded argument

	// The rest is zero for an ordinary task, and then takes no byte.

	Crashes    int // attempts so far that ended with their process
	MaxCrashes int // crash budget; 0 means DefaultCrashes
	Errors     int // attempts so far that ended with an error of the handler's
	MaxErrors  int // error budget; 0 means 1: the first error is final
	// Backoff is how long to wait after the first error until the next attempt,
	// doubled with each further error: milliseconds on the wire, rounded up. 0
	// means DefaultBackoff.
	Backoff  time.Duration
	Deadline time.Time // not started after it, if set; milliseconds on the wire
	// Limit is how long the task may run before it is stopped, 0 for ever:
	// milliseconds on the wire, rounded up, and at most MaxLimit.
	Limit time.Duration
	Depth int // how many tasks it was called within
	// Retain is how long the outcome is to be kept for whoever asks for it by the
	// task's id, 0 for not: milliseconds on the wire, rounded up.
	Retain time.Duration
	Key    string // of which one task may wait or run at a time; at most MaxName bytes of text
	// Numbered says that N is not the client's number but that of the message in
	// its stream: the server makes the message, again and again, on a schedule.
	Numbered bool
	// Object names the object that holds the encoded argument, if that is too
	// large for a message; Arg is empty then.
	Object string
	// Header is such as trace context ("traceparent"): at most 64 entries of UTF-8
	// text, a key of at most 128 bytes, a value of at most 4096. What is beyond
	// that does not travel.
	Header map[string]string

	unknown *unknownOptions // of a later revision, kept for whoever knows them
}

// unknownOptions are key and value of options, encoded.
type unknownOptions struct {
	pairs int
	bytes []byte
}

// Attempt returns the number of the task's next attempt, from 1.
func (t *Task) Attempt() int { return t.Crashes + t.Errors + 1 }

// CrashBudget returns how many attempts may end with their process.
func (t *Task) CrashBudget() int {
	if t.MaxCrashes > 0 {
		return t.MaxCrashes
	}
	return DefaultCrashes
}

// ErrorBudget returns how many attempts may end with an error of the handler's.
func (t *Task) ErrorBudget() int { return max(t.MaxErrors, 1) }

// GivenUp reports whether a task that ends with a failure is kept as a dead letter,
// for a person to look at: its crash budget is used up, or an error budget of more
// than one attempt, or its argument is lost. Other failures are the caller's
// business, as is an error that its handler has marked as final.
func (t *Task) GivenUp(f *Failure) bool {
	switch {
	case f == nil:
		return false
	case f.Code == CodeWorkerDied, f.Code == CodeArgumentLost:
		return true
	}
	return f.Code.Retryable() && !f.Final && t.ErrorBudget() > 1
}

// AppendTask appends a task as it stands within a batch.
func AppendTask(dst []byte, t *Task) []byte {
	options := t.options()
	if options == 0 {
		dst = appendArrayLen(dst, 3)
	} else {
		dst = appendArrayLen(dst, 4)
	}
	dst = appendUint(dst, t.N)
	dst = appendString(dst, t.Func)
	dst = appendBin(dst, t.Arg)
	if options > 0 {
		dst = t.appendOptions(appendMapLen(dst, options))
	}
	return dst
}

// task reads one task, and returns its func's name. name is that of the task before,
// reused when it is the same, so that a batch of calls of one func allocates its
// name once.
func (r *reader) task(t *Task, name string) string {
	n := r.array()
	if r.err == nil && n < 3 {
		r.fail("task of fewer than three elements")
	}
	t.N = r.uint()
	t.Func = r.name(name)
	t.Arg = r.bin()
	if n > 3 {
		r.options(t)
	}
	r.skipAll(n - 4)
	return t.Func
}

// name reads the name of a func, which is the one before if they are the same.
func (r *reader) name(before string) string {
	b := r.str()
	switch {
	case string(b) == before:
		return before
	case len(b) > MaxName:
		r.fail("func name too long")
		return ""
	}
	return string(b)
}
