package scoreboard

import (
	"sync/atomic"
	"time"
)

// Span is an attempt that ended, or several of a func in a row that took less
// than a millisecond each and did not fail.
type Span struct {
	Func   int    // an index for Board.Func
	Code   int    // of its failure, 0 for none
	Client string // empty if the name was too long to note
	Task   uint64 // the client's number for it; of several, the last one's
	Count  int
	Start  time.Time
	End    time.Time
}

// Cursor is how far a reader of a board's spans has come. Its zero value stands
// at the beginning.
type Cursor struct {
	next  uint64 // the first span that may have something new
	taken uint64 // attempts of that one that are old
	end   int64  // of those
}

// Spans returns what has ended since the cursor was used last, and how many spans
// were lost meanwhile because newer ones took their place.
func (b *Board) Spans(c *Cursor) (spans []Span, missed uint64) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.page == nil {
		return nil, 0
	}
	opened := b.page.spans.Load()
	if opened < c.next {
		*c = Cursor{next: opened} // no honest board's
	}
	first := c.next
	if opened > ringSize {
		first = max(first, opened-ringSize)
	}
	missed = first - c.next
	for i := first; i < opened; i++ {
		s, ok := b.page.ring[i%ringSize].read(i + 1)
		last := i == opened-1
		switch {
		case ok:
		case last: // it is just being changed
			*c = cursorAt(c, i)
			continue
		default:
			missed++
			continue
		}
		at := cursorAt(c, i)
		all, end := uint64(s.Count), s.End
		if at.taken > 0 {
			s.Count, s.Start = int(all-min(all, at.taken)), time.Unix(0, at.end)
		}
		if s.End.Before(s.Start) {
			s.End = s.Start
		}
		if s.Count > 0 {
			spans = append(spans, s)
		}
		if last {
			*c = Cursor{next: i, taken: all, end: end.UnixNano()}
		}
	}
	return spans, missed
}

// cursorAt gives the cursor if it stands at a span, or else one at its beginning.
func cursorAt(c *Cursor, i uint64) Cursor {
	if c.next == i {
		return *c
	}
	return Cursor{next: i}
}

// read gives a span as it is, if it is the one of the index.
func (s *span) read(index uint64) (Span, bool) {
	for range readAttempts {
		before := s.index.Load()
		all := Span{
			Func: clamp(s.fn.Load(), 0, MaxNames), Code: clamp(s.code.Load(), 0, Codes-1),
			Client: getLabel(s.clientLength.Load(), s.clientText[:]),
			Task:   atomic.LoadUint64(&s.task), Count: clamp(atomic.LoadUint64(&s.count), 0, 1<<40),
			Start: time.Unix(0, s.startAt.Load()), End: time.Unix(0, atomic.LoadInt64(&s.endAt)),
		}
		if before == index && s.index.Load() == index {
			return all, true
		}
	}
	return Span{}, false
}

// Skip moves a cursor to the end, past all that has ended.
func (b *Board) Skip(c *Cursor) {
	b.mu.RLock()
	if b.page != nil {
		if opened := b.page.spans.Load(); opened > c.next+1 {
			*c = Cursor{next: opened - 1}
		}
	}
	b.mu.RUnlock()
	b.Spans(c)
}
