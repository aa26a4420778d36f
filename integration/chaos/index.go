package chaos

// index is a history as the checker's invariants look at it.
type index struct {
	records   []record
	tasks     map[string]*task
	processes map[process]*life
	byPID     map[int][]*life
}

// task is what the history tells of one task.
type task struct {
	id        string
	submitted *record // nil if nobody submitted it
	accepted  bool
	outcomes  []*record
	starts    []*record
	finishes  []*record
}

// process names a worker process for good.
type process struct {
	pid  int
	born int64
}

// place is how a supervisor knows a worker process, for its lifetime.
type place struct {
	host string
	pid  int
}

// life is what the history tells of one worker process.
type life struct {
	process
	last   *record // the last start or finish
	killed bool
	buried *record // nil if no supervisor saw it die
	served bool    // it had been ready when it was buried
}

func newIndex(records []record) *index {
	x := &index{
		records: records, tasks: map[string]*task{}, processes: map[process]*life{}, byPID: map[int][]*life{},
	}
	waiting := map[string][]*task{} // submitted and not accepted, by client
	for i := range records {
		r := &records[i]
		switch r.Event {
		case submitted:
			t := x.task(r.Task)
			t.submitted = r
			waiting[r.Client] = append(waiting[r.Client], t)
		case accepted:
			for _, t := range waiting[r.Client] {
				t.accepted = true
			}
			waiting[r.Client] = nil
		case settled:
			t := x.task(r.Task)
			t.outcomes = append(t.outcomes, r)
		case started:
			t := x.task(r.Task)
			t.starts = append(t.starts, r)
			x.life(r).last = r
		case finished:
			t := x.task(r.Task)
			t.finishes = append(t.finishes, r)
			x.life(r).last = r
		}
	}
	serving := map[place]bool{}
	for i := range records {
		x.death(&records[i], serving)
	}
	return x
}

func (x *index) task(id string) *task {
	t := x.tasks[id]
	if t == nil {
		t = &task{id: id}
		x.tasks[id] = t
	}
	return t
}

func (x *index) life(r *record) *life {
	p := process{r.PID, r.Born}
	l := x.processes[p]
	if l == nil {
		l = &life{process: p}
		x.processes[p] = l
		x.byPID[p.pid] = append(x.byPID[p.pid], l)
	}
	return l
}

// death notes the end of a process. Whoever ends it, or finds it dead, knows its
// pid alone; it is the last that was born with it by then. A process that has
// not run a task is not in the index, and is given a life here.
func (x *index) death(r *record, serving map[place]bool) {
	where := place{r.Host, r.PID}
	if r.Event == ready {
		serving[where] = true
	}
	if r.Event != killed && r.Event != buried {
		return
	}
	var l *life
	for _, candidate := range x.byPID[r.PID] {
		if candidate.born <= r.At && candidate.buried == nil && (l == nil || candidate.born > l.born) {
			l = candidate
		}
	}
	if l == nil {
		l = x.life(&record{PID: r.PID, Born: r.At})
	}
	if r.Event == killed {
		l.killed = true
	} else {
		l.buried, l.served = r, serving[where]
		delete(serving, where)
	}
}

// dead reports whether a process is known to have died out of turn.
func (l *life) dead() bool { return l.killed || l.buried != nil && !l.buried.Expected }
