package proc

import (
	"bytes"
	"unicode/utf8"
)

// crashReport keeps the beginning of the last crash report of Go's runtime in a
// stream, at most reportSize bytes in whole lines.
type crashReport struct {
	text   []byte
	at     int64 // where in the stream it begins
	full   bool
	traced bool // a goroutine's stack has begun
	since  int  // lines since the last that a report can begin with
}

// preamble is how many lines may lie between two that a report can begin with:
// "runtime: goroutine stack exceeds 1000000000-byte limit" comes some lines
// before "fatal error: stack overflow".
const preamble = 8

func (r *crashReport) begun() bool { return len(r.text) > 0 }

func (r *crashReport) add(line []byte, at int64) {
	if r.begins(line) {
		*r = crashReport{text: r.text[:0], at: at}
	} else if !r.begun() {
		return
	}
	r.traced = r.traced || bytes.HasPrefix(line, []byte("goroutine "))
	room := reportSize - len(r.text) - 1
	switch {
	case r.full:
	case len(line) <= room:
		r.text = append(append(r.text, line...), '\n')
	case len(r.text) == 0:
		for !utf8.RuneStart(line[room]) {
			room--
		}
		r.text = append(append(r.text, line[:room]...), '\n')
		fallthrough
	default:
		r.full = true
	}
}

// begins reports whether the line begins a report, and is not part of the one
// that is under way. A program may also print such a line and go on, so that
// the report comes later.
func (r *crashReport) begins(line []byte) bool {
	fatal := hasAnyPrefix(line, "panic: ", "fatal error: ")
	if !fatal && !hasAnyPrefix(line, "unexpected fault address ", "runtime: ", "fatal: ") && !namesSignal(line) {
		r.since++
		return false
	}
	near := r.since <= preamble
	r.since = 0
	if r.begun() && r.traced {
		return fatal
	}
	return !r.begun() || !near
}

// namesSignal reports whether the line is as "SIGSEGV: segmentation violation".
func namesSignal(line []byte) bool {
	name, _, ok := bytes.Cut(line, []byte(": "))
	return ok && len(name) < len("SIGxxxxxxxx") && bytes.HasPrefix(name, []byte("SIG")) &&
		bytes.Equal(name, bytes.ToUpper(name))
}

func hasAnyPrefix(line []byte, prefixes ...string) bool {
	for _, p := range prefixes {
		if bytes.HasPrefix(line, []byte(p)) {
			return true
		}
	}
	return false
}

// outOfMemory reports whether the runtime gave up because the kernel gave it no
// memory.
func (r *crashReport) outOfMemory() bool {
	for line := range bytes.Lines(r.text) {
		if cause, ok := bytes.CutPrefix(line, []byte("fatal error: ")); ok {
			return bytes.Contains(cause, []byte("out of memory")) || bytes.Contains(cause, []byte("cannot allocate memory"))
		}
	}
	return false
}
