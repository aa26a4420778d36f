package pool

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/musterfleet/muster/codec"
)

// funcStats is what is known of the attempts at a func's tasks.
type funcStats struct {
	name  string
	usual time.Duration // usual run time; 0 while unknown
	count codec.FuncCount
}

// maxFuncs bounds the funcs that are told apart: what comes beyond is counted together.
const maxFuncs = 512

// stats returns what is known of a func; s.mu is held.
func (s *scheduler) stats(name string) *funcStats {
	if f := s.lastFunc; f != nil && f.name == name {
		return f // tasks of one func come in a row
	}
	f := s.funcs[name]
	if f == nil && len(s.funcs) >= maxFuncs {
		name = codec.OtherFuncs
		f = s.funcs[name]
	}
	if f == nil {
		f = &funcStats{name: name, count: codec.FuncCount{Failed: map[codec.Code]uint64{}}}
		s.funcs[name] = f
	}
	s.lastFunc = f
	return f
}

// expect learns how long tasks of the func take.
func (f *funcStats) expect(run time.Duration) {
	if f.usual == 0 {
		f.usual = max(run, 1)
		return
	}
	f.usual = max(f.usual+(run-f.usual)/8, 1)
}

// add counts an attempt that has ended, and the code of its failure, empty for none.
func (f *funcStats) add(code codec.Code, wait, run time.Duration) {
	f.count.Attempts++
	if code != "" {
		f.count.Failed[code]++
	}
	observe(&f.count.Run, run)
	observe(&f.count.Wait, wait)
}

func observe(h *codec.Histogram, d time.Duration) {
	i, _ := slices.BinarySearch(codec.HistogramBounds[:], d)
	h.Counts[i]++
	h.Sum += d.Seconds()
}

// handed counts outcomes in safe hands, by the way they went.
type handed struct{ direct, stored atomic.Uint64 }

// HandedDirect counts outcomes that clients have taken.
func (h *handed) HandedDirect(n uint64) { h.direct.Add(n) }

// HandedStored counts outcomes that the broker keeps.
func (h *handed) HandedStored(n uint64) { h.stored.Add(n) }

// note counts an attempt at a task that has ended in a process, and keeps a span of it
// if somebody watches; s.mu is held.
func (s *scheduler) note(w *worker, d *delivery, n uint64, name string, code codec.Code, began time.Time, run time.Duration) {
	s.stats(name).add(code, max(began.Sub(d.info.Stored), 0), run)
	if began.Before(s.watched) {
		w.spans.add(s, w, codec.ID{Client: d.batch.Client, N: n}, name, code, began, began.Add(run))
	}
}

const (
	// shortSpan is how long an attempt takes at most whose span is one with others'.
	shortSpan = time.Millisecond
	// A span of several attempts is no longer than maxSpan, with no gap of maxGap, so
	// that it still tells when they ran.
	maxSpan = 50 * time.Millisecond
	maxGap  = 5 * time.Millisecond
)

// maxSpans bounds the spans of one heartbeat.
const maxSpans = 2048

// spanWriter makes spans of a process's attempts: one of several short ones of a func in
// a row.
type spanWriter struct {
	open int // index in scheduler.spans of the span that may grow, plus one; 0 for none
	of   uint64
}

func (o *spanWriter) add(s *scheduler, w *worker, task codec.ID, name string, code codec.Code, began, ended time.Time) {
	short := code == "" && ended.Sub(began) < shortSpan
	if o.open > 0 && o.of == s.spanSet && short {
		last := &s.spans[o.open-1]
		if last.Func == name && began.Sub(last.Start) <= maxSpan && began.Sub(last.End) <= maxGap {
			last.End, last.Task = ended, task.String()
			last.Count++
			return
		}
	}
	o.open = 0
	if len(s.spans) == maxSpans {
		return // bounded; the rest of this second is not shown
	}
	s.spans = append(s.spans, codec.Span{
		Place: w.slot, PID: w.PID(), Func: name, Task: task.String(), Count: 1, Start: began, End: ended, Failed: code,
	})
	if short {
		o.open, o.of = len(s.spans), s.spanSet
	}
}

// takeSpans returns what has ended since it was called last, if somebody watches.
func (s *scheduler) takeSpans() []codec.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	spans := s.spans
	s.spans = nil
	s.spanSet++
	if !time.Now().Before(s.watched) {
		return nil
	}
	return spans
}

// totals counts all that the host's processes have done, and handed off.
func (s *scheduler) totals() (map[string]codec.FuncCount, codec.HandOffs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]codec.FuncCount, len(s.funcs))
	for name, f := range s.funcs {
		if f.count.Attempts > 0 {
			c := f.count
			c.Failed = maps.Clone(c.Failed)
			all[name] = c
		}
	}
	return all, codec.HandOffs{Direct: s.handed.direct.Load(), Stored: s.handed.stored.Load()}
}
