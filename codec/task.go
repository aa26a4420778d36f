package codec

import (
	"time"
	"unicode/utf8"
)

// DefaultCrashes is how many attempts of a task may end with their process
// before the task fails with [ErrWorkerDied].
const DefaultCrashes = 3

// Task is one call of a func.
type Task struct {
	N    uint64 // the client's number for the task
	Func string
	Arg  []byte // encoded argument

	// The rest is zero for an ordinary task, and then takes no byte.

	Crashes    int       // attempts so far that ended with their process
	MaxCrashes int       // crash budget; 0 means DefaultCrashes
	Deadline   time.Time // not started after it, if set; milliseconds on the wire
	// Limit is how long the task may run before it is stopped, 0 for ever:
	// milliseconds on the wire, rounded up, and at most 365 days.
	Limit time.Duration
	Depth int // how many tasks it was called within
	// Object names the object that holds the encoded argument, if that is too
	// large for a message; Arg is empty then.
	Object string
	// Header is such as trace context ("traceparent"): at most 64 entries of UTF-8
	// text, a key of at most 128 bytes, a value of at most 4096. What is beyond
	// that does not travel.
	Header map[string]string
}

// Attempt gives the number of the task's next attempt, from 1.
func (t *Task) Attempt() int { return t.Crashes + 1 }

// CrashBudget gives how many attempts may end with their process.
func (t *Task) CrashBudget() int {
	if t.MaxCrashes > 0 {
		return t.MaxCrashes
	}
	return DefaultCrashes
}

// Keys of the options map, the optional fourth element of a task.
const (
	optCrashes    = "crashes"
	optMaxCrashes = "max_crashes"
	optDeadline   = "deadline"
	optLimit      = "limit"
	optDepth      = "depth"
	optObject     = "object"
	optHeader     = "header"
)

// Bounds on what options may hold.
const (
	maxHeaders     = 64
	maxHeaderBytes = 4096
	maxCount       = 1 << 20
)

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

func (t *Task) options() (n int) {
	if t.Crashes == 0 && t.MaxCrashes == 0 && t.Deadline.IsZero() && t.Limit == 0 && t.Depth == 0 && t.Object == "" && len(t.Header) == 0 {
		return 0 // an ordinary task, quicker than the loop
	}
	for _, set := range [...]bool{t.Crashes > 0, t.MaxCrashes > 0, !t.Deadline.IsZero(), t.Limit > 0, t.Depth > 0, t.Object != "", t.headers() > 0} {
		if set {
			n++
		}
	}
	return n
}

func (t *Task) appendOptions(dst []byte) []byte {
	if t.Crashes > 0 {
		dst = appendUint(appendString(dst, optCrashes), uint64(min(t.Crashes, maxCount)))
	}
	if t.MaxCrashes > 0 {
		dst = appendUint(appendString(dst, optMaxCrashes), uint64(min(t.MaxCrashes, maxCount)))
	}
	if !t.Deadline.IsZero() {
		dst = appendInt(appendString(dst, optDeadline), t.Deadline.UnixMilli())
	}
	if t.Limit > 0 {
		limit := (min(t.Limit, maxRun) + time.Millisecond - 1) / time.Millisecond
		dst = appendUint(appendString(dst, optLimit), uint64(limit))
	}
	if t.Depth > 0 {
		dst = appendUint(appendString(dst, optDepth), uint64(min(t.Depth, maxCount)))
	}
	if t.Object != "" {
		dst = appendString(appendString(dst, optObject), t.Object)
	}
	if n := t.headers(); n > 0 {
		dst = appendMapLen(appendString(dst, optHeader), n)
		for k, v := range t.Header {
			if n > 0 && validHeader(k, v) {
				dst = appendString(appendString(dst, k), v)
				n--
			}
		}
	}
	return dst
}

// headers gives the number of header entries that travel. One that its reader
// would refuse must not: it would take the whole batch with it.
func (t *Task) headers() (n int) {
	if len(t.Header) == 0 {
		return 0 // quicker than the loop
	}
	for k, v := range t.Header {
		if validHeader(k, v) {
			n++
		}
	}
	return min(n, maxHeaders)
}

func validHeader[S string | []byte](k, v S) bool {
	return len(k) <= MaxName && len(v) <= maxHeaderBytes && utf8.ValidString(string(k)) && utf8.ValidString(string(v))
}

// task reads one task. name is the func's name of the task before, reused when
// it is the same, so that a batch of calls of one func allocates its name once.
func (r *reader) task(name string) (t Task) {
	n := r.array()
	if r.err == nil && n < 3 {
		r.fail("task of fewer than three elements")
	}
	t.N = r.uint()
	if b := r.str(); string(b) == name {
		t.Func = name
	} else if len(b) > MaxName {
		r.fail("func name too long")
	} else {
		t.Func = string(b)
	}
	t.Arg = r.bin()
	if n > 3 {
		r.options(&t)
	}
	r.skipAll(n - 4)
	return t
}

func (r *reader) options(t *Task) {
	for pairs := r.mapLen(); pairs > 0 && r.err == nil; pairs-- {
		switch string(r.str()) {
		case optCrashes:
			t.Crashes = r.count()
		case optMaxCrashes:
			t.MaxCrashes = r.count()
		case optDeadline:
			t.Deadline = time.UnixMilli(r.int())
		case optLimit:
			t.Limit = time.Duration(min(r.uint(), uint64(maxRun/time.Millisecond))) * time.Millisecond
		case optDepth:
			t.Depth = r.count()
		case optObject:
			t.Object = r.text(MaxName)
		case optHeader:
			t.Header = r.header()
		default:
			r.skip() // an option of a later revision
		}
	}
}

func (r *reader) count() int {
	v := r.uint()
	if v > maxCount {
		r.fail("count out of range")
		return 0
	}
	return int(v)
}

func (r *reader) header() map[string]string {
	n := r.mapLen()
	if n > maxHeaders {
		r.fail("too many header entries")
		return nil
	}
	h := make(map[string]string, n)
	for ; n > 0 && r.err == nil; n-- {
		k, v := r.str(), r.str()
		if !validHeader(k, v) {
			r.fail("header entry too long, or not UTF-8")
		}
		h[string(k)] = string(v)
	}
	return h
}
