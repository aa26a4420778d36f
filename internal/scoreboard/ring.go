package scoreboard

import (
	"sync/atomic"
	"time"
)

// ringSize is how many spans a board keeps.
const ringSize = 256

// span is an attempt that ended, or several short ones of a func in a row. It is
// opened with everything but end, count and task in place; those go on while it
// is the last one. A writer makes index zero while anything else changes.
type span struct {
	index   atomic.Uint64 // of all spans, from 1
	fn      atomic.Uint64
	code    atomic.Uint64
	startAt atomic.Int64
	// Plain words, as those of the counters: they may be read a task apart.
	endAt int64
	count uint64
	task  uint64 // the last one's

	clientLength atomic.Uint64
	clientText   [maxClient / 8]atomic.Uint64
}

const (
	// short is how long an attempt takes at most that goes together with others.
	short = int64(time.Millisecond)
	// A span of several attempts is no longer than longest, with no gap of
	// greatestGap, so that it still tells when they ran, and a ring is enough for
	// more than a second of them.
	longest     = int64(50 * time.Millisecond)
	greatestGap = int64(5 * time.Millisecond)
)

// openSpan is the last span of a journal, to which the next attempt may add.
type openSpan struct {
	span    *span // nil for none
	fn      int
	client  string
	startAt int64
	endAt   int64
	opened  uint64
}

// note notes an attempt as a span, or adds it to the last one.
func (j *Journal) note(s *Slot, code int, run, now int64) {
	o := &j.open
	if code != 0 || run >= short {
		j.write(s, code, now)
		o.span = nil
		return
	}
	if o.span == nil || o.fn != s.fn || now-o.startAt > longest || s.startedAt-o.endAt > greatestGap {
		o.span = j.write(s, code, now)
		o.fn, o.client, o.startAt, o.endAt = s.fn, s.client, s.startedAt, now
		return
	}
	if s.client != o.client {
		o.span.index.Store(0)
		setText(&o.span.clientLength, o.span.clientText[:], s.client)
		o.span.index.Store(o.opened)
		o.client = s.client
	}
	o.endAt = now
	o.span.endAt = now
	o.span.task = s.task
	o.span.count++
}

// write opens a span.
func (j *Journal) write(s *Slot, code int, now int64) *span {
	n := j.open.opened
	to := &j.page.ring[n%ringSize]
	to.index.Store(0)
	to.fn.Store(uint64(s.fn))
	to.code.Store(uint64(code))
	to.startAt.Store(s.startedAt)
	atomic.StoreInt64(&to.endAt, now)
	atomic.StoreUint64(&to.count, 1)
	atomic.StoreUint64(&to.task, s.task)
	setText(&to.clientLength, to.clientText[:], s.client)
	to.index.Store(n + 1)
	j.open.opened = n + 1
	j.page.spans.Store(n + 1)
	return to
}
