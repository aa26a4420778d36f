package scoreboard

// Journal is where a worker process notes the attempts that have ended, in the
// counters and in the ring of spans. It belongs to one goroutine at a time, and
// must not be used after Close of its board.
type Journal struct {
	page    *page
	bounds  Bounds
	indices map[string]int
	open    openSpan
}

// Journal notes the names of the funcs that the process has handlers for, and the
// bounds of the histograms. It is called once, by the worker process.
func (b *Board) Journal(funcs []string, bounds Bounds) *Journal {
	return &Journal{page: b.page, bounds: bounds, indices: b.page.setNames(funcs)}
}

// Func gives the index of a func, by which it is noted.
func (j *Journal) Func(name string) int {
	if i, ok := j.indices[name]; ok {
		return i
	}
	return MaxNames
}

// Ended notes that the last started task of a slot has ended: when, in unix
// nanoseconds, and the code of its failure, 0 for none. It allocates nothing.
func (j *Journal) Ended(s *Slot, code int, now int64) {
	code = min(max(code, 0), Codes-1)
	run := max(now-s.startedAt, 0)
	c := &j.page.counters[s.fn]
	c.run.add(run, &j.bounds)
	c.wait.add(max(s.startedAt-s.stored, 0), &j.bounds)
	if code != 0 {
		c.failed[code]++
	}
	j.note(s, code, run, now)
}
