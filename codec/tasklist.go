package codec

// TaskList is a batch as it is read by a host, which passes most of its tasks on as
// they are: of an ordinary task it knows the number, the func and the length, and reads
// the rest when somebody asks. The zero value is ready for use. It is not safe for
// concurrent use.
type TaskList struct {
	Client string
	Chunk  bool // see [Batch]

	heads []taskHead
	data  []byte // that Decode was given
	start int    // where the first task begins in it
}

// taskHead is what is known of a task.
type taskHead struct {
	n    uint64
	name string
	size int   // of the argument, in bytes
	end  int   // where the task ends
	task *Task // the whole task, once it was read
}

// Decode reads a batch into l, reusing its space, and refers to data. It accepts what
// [Batch.Decode] does, and its error is the same.
func (l *TaskList) Decode(data []byte) error {
	clear(l.heads) // they hold the batch before in memory
	l.heads, l.data, l.Chunk = l.heads[:0], data, false
	r := reader{data: data}
	client, n, extra := r.batchHead()
	l.Client, l.start = client, r.at
	if most := min(n, r.left()/minTask); cap(l.heads) < most {
		l.heads = make([]taskHead, 0, most)
	}
	name := ""
	for ; n > 0 && r.err == nil; n-- {
		l.heads = append(l.heads, taskHead{})
		name = r.taskHead(&l.heads[len(l.heads)-1], name)
	}
	if extra > 0 {
		l.Chunk = r.bool()
		extra--
	}
	err := r.close(extra)
	if err != nil {
		clear(l.heads)
		*l = TaskList{heads: l.heads[:0]}
	}
	return err
}

// taskHead reads what a list knows of one task, and returns its func's name; see task.
func (r *reader) taskHead(h *taskHead, name string) string {
	from := r.at
	if n := r.array(); n > 3 {
		r.at = from
		h.task = &Task{}
		name = r.task(h.task, name)
		h.n, h.name, h.size, h.end = h.task.N, h.task.Func, len(h.task.Arg), r.at
		return name
	} else if r.err == nil && n < 3 {
		r.fail("task of fewer than three elements")
	}
	h.n = r.uint()
	h.name = r.name(name)
	h.size, h.end = len(r.bin()), r.at
	return h.name
}

// Len returns the number of tasks.
func (l *TaskList) Len() int { return len(l.heads) }

// N returns the client's number for a task.
func (l *TaskList) N(i int) uint64 { return l.heads[i].n }

// Func returns the name of a task's func.
func (l *TaskList) Func(i int) string { return l.heads[i].name }

// Size returns the length of a task's argument, in bytes.
func (l *TaskList) Size(i int) int { return l.heads[i].size }

// Options returns a task that has options, and nil for an ordinary one.
func (l *TaskList) Options(i int) *Task { return l.heads[i].task }

// Task returns a task. It is the same at each call, and has options from then on.
func (l *TaskList) Task(i int) *Task {
	h := &l.heads[i]
	if h.task == nil {
		h.task = &Task{}
		r := reader{data: l.Encoded(i, i+1)}
		r.task(h.task, h.name) // it has been read before
	}
	return h.task
}

// Encoded returns tasks, from one index to before another, as they stand in the batch,
// for [BatchBuilder.AddEncoded].
func (l *TaskList) Encoded(from, to int) []byte {
	if from >= to {
		return nil
	}
	start := l.start
	if from > 0 {
		start = l.heads[from-1].end
	}
	return l.data[start:l.heads[to-1].end]
}

// Number is [Batch.Number].
func (l *TaskList) Number(seq uint64) {
	for i := range l.heads {
		if t := l.heads[i].task; t != nil && t.Numbered {
			t.N, t.Numbered = seq, false
			l.heads[i].n = seq
		}
	}
}
