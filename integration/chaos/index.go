package chaos

// index is a history as the checker's invariants look at it.
type index struct {
	records   []record
	tasks     map[string]*task
	processes map[process]*life
	byPID     map[int][]*life
	clients   []string // in the order in which they lived; all but the last are dead
	next      int      // the first job that no client has submitted
	stopped   bool     // clients are to submit no more
}

// task is what the history tells of one task.
type task struct {
	id        string
	submitted *record // nil if nobody has noted that
	accepted  bool
	futures   map[string]int // how many each client has been given
	shared    []*record      // submissions that have come to this task, which had their key
	outcomes  []*record      // of its futures
	starts    []*record
	finishes  []*record
	errors    []*record
	kept      bool // as a dead letter
}

// durable reports whether the task's outcome outlives the client.
func (t *task) durable() bool {
	return t.submitted != nil && (t.submitted.Durable || t.submitted.Key != "")
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
	last   *record // the last start, finish or error
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
		case connected:
			x.clients = append(x.clients, r.Client)
		case stopped:
			x.stopped = true
		case submitted:
			x.submission(r)
			t := x.task(r.Task)
			waiting[r.Client] = append(waiting[r.Client], t)
		case accepted:
			for _, t := range waiting[r.Client] {
				t.accepted = true
			}
			waiting[r.Client] = nil
		case attached:
			x.task(r.Task).futures[r.Client]++
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
		case kept:
			x.task(r.Task).kept = true
		case erred:
			t := x.task(r.Task)
			t.errors = append(t.errors, r)
			x.life(r).last = r
		}
	}
	serving := map[place]bool{}
	for i := range records {
		x.death(&records[i], serving)
	}
	return x
}

// submission notes a future that Submit has given. That of a task with a key is
// stored by then, or was before.
func (x *index) submission(r *record) {
	x.next = max(x.next, r.N+1)
	t := x.task(r.Task)
	t.futures[r.Client]++
	if t.submitted == nil {
		t.submitted, t.accepted = r, r.Key != ""
	} else {
		t.shared = append(t.shared, r)
	}
}

// living reports whether nobody has come after a client.
func (x *index) living(client string) bool {
	return len(x.clients) == 0 || x.clients[len(x.clients)-1] == client
}

func (x *index) task(id string) *task {
	t := x.tasks[id]
	if t == nil {
		t = &task{id: id, futures: map[string]int{}}
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
		if candidate.born <= r.At && candidate.mayHave(r) && (l == nil || candidate.born > l.born) {
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

// mayHave reports whether a record of an end can be of the process. Who has killed it
// writes that after its host may have written that it died.
func (l *life) mayHave(r *record) bool {
	return l.buried == nil || r.Event == killed && !l.killed && r.At <= l.buried.At
}

// dead reports whether a process is known to have died out of turn.
func (l *life) dead() bool { return l.killed || l.buried != nil && !l.buried.Expected }
