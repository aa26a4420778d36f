package codec

import (
	"time"
	"unicode/utf8"
)

// Keys of the options map, the optional fourth element of a task.
const (
	optCrashes    = "crashes"
	optMaxCrashes = "max_crashes"
	optErrors     = "errors"
	optMaxErrors  = "max_errors"
	optBackoff    = "backoff"
	optDeadline   = "deadline"
	optLimit      = "limit"
	optDepth      = "depth"
	optRetain     = "retain"
	optKey        = "key"
	optNumbered   = "numbered"
	optObject     = "object"
	optHeader     = "header"
)

// Bounds on what options may hold.
const (
	maxHeaders     = 64
	maxHeaderBytes = 4096
	maxCount       = MaxAttempts
)

// options returns how many options are set.
func (t *Task) options() (n int) {
	if t.ordinary() {
		return 0 // quicker than the loop
	}
	for _, set := range [...]bool{
		t.Crashes > 0, t.MaxCrashes > 0, t.Errors > 0, t.MaxErrors > 0, t.Backoff > 0,
		!t.Deadline.IsZero(), t.Limit > 0, t.Depth > 0, t.Retain > 0, t.Key != "", t.Numbered,
		t.Object != "", t.headers() > 0,
	} {
		if set {
			n++
		}
	}
	if t.unknown != nil {
		n += t.unknown.pairs
	}
	return n
}

// ordinary reports whether no option is set.
func (t *Task) ordinary() bool {
	return t.Crashes|t.MaxCrashes|t.Errors|t.MaxErrors|t.Depth == 0 && t.Limit|t.Backoff|t.Retain == 0 &&
		t.Deadline.IsZero() && t.Object == "" && t.Key == "" && !t.Numbered && len(t.Header) == 0 && t.unknown == nil
}

func (t *Task) appendOptions(dst []byte) []byte {
	dst = appendCount(dst, optCrashes, t.Crashes)
	dst = appendCount(dst, optMaxCrashes, t.MaxCrashes)
	dst = appendCount(dst, optErrors, t.Errors)
	dst = appendCount(dst, optMaxErrors, t.MaxErrors)
	dst = appendMillis(dst, optBackoff, t.Backoff)
	if !t.Deadline.IsZero() {
		dst = appendInt(appendString(dst, optDeadline), t.Deadline.UnixMilli())
	}
	dst = appendMillis(dst, optLimit, t.Limit)
	dst = appendCount(dst, optDepth, t.Depth)
	dst = appendMillis(dst, optRetain, t.Retain)
	if t.Key != "" {
		dst = appendString(appendString(dst, optKey), cut(t.Key, MaxName))
	}
	if t.Numbered {
		dst = appendBool(appendString(dst, optNumbered), true)
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
	if t.unknown != nil {
		dst = append(dst, t.unknown.bytes...)
	}
	return dst
}

func appendCount(dst []byte, key string, n int) []byte {
	if n <= 0 {
		return dst
	}
	return appendUint(appendString(dst, key), uint64(min(n, maxCount)))
}

// appendMillis appends a duration of which a part of a millisecond counts whole.
func appendMillis(dst []byte, key string, d time.Duration) []byte {
	if d <= 0 {
		return dst
	}
	return appendUint(appendString(dst, key), uint64((min(d, maxRun)+time.Millisecond-1)/time.Millisecond))
}

// headers returns the number of header entries that travel. One that its reader
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

func (r *reader) options(t *Task) {
	for pairs := r.mapLen(); pairs > 0 && r.err == nil; pairs-- {
		from := r.at
		switch string(r.str()) {
		case optCrashes:
			t.Crashes = r.count()
		case optMaxCrashes:
			t.MaxCrashes = r.count()
		case optErrors:
			t.Errors = r.count()
		case optMaxErrors:
			t.MaxErrors = r.count()
		case optBackoff:
			t.Backoff = r.millis()
		case optDeadline:
			t.Deadline = time.UnixMilli(r.int())
		case optLimit:
			t.Limit = r.millis()
		case optDepth:
			t.Depth = r.count()
		case optRetain:
			t.Retain = r.millis()
		case optKey:
			t.Key = r.text(MaxName)
		case optNumbered:
			t.Numbered = r.bool()
		case optObject:
			t.Object = r.text(MaxName)
		case optHeader:
			t.Header = r.header()
		default:
			r.skip()
			if r.err == nil {
				if t.unknown == nil {
					t.unknown = &unknownOptions{}
				}
				t.unknown.pairs++
				t.unknown.bytes = append(t.unknown.bytes, r.data[from:r.at]...)
			}
		}
	}
}

func (r *reader) millis() time.Duration {
	return time.Duration(min(r.uint(), uint64(maxRun/time.Millisecond))) * time.Millisecond
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
