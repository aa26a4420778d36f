package scoreboard

import "time"

// readAttempts bounds how often a record that changes while it is read is read
// again.
const readAttempts = 16

// Delivery is what a worker process noted about one delivery it holds. The
// tasks before HandedOff are settled, those before Finished have an outcome
// that may be lost, and the last started one is running if Running says so.
// Always 0 ≤ HandedOff ≤ Finished ≤ Started ≤ Tasks ≤ MaxTasks, and Started is
// at most one ahead of Finished.
type Delivery struct {
	Ack       string // subject that settles the delivery
	Tasks     int    // tasks it has, less what was given back
	Started   int
	Finished  int
	HandedOff int
	StartedAt time.Time // start of the last started task, zero before the first
	LimitAt   time.Time // when that task must have ended, zero if it has no limit

	Client     uint64 // whose tasks they are, as Client gives it
	ClientName string // empty if the name was too long to note
	Task       uint64 // the client's number for the last started task
	Func       int    // of the last started task: an index for Board.Func
}

// Runs reports whether the task was running that the client has this number for.
func (d Delivery) Runs(client string, task uint64) bool {
	return d.Running() && d.Client == Client(client) && d.Task == task
}

// Client gives the number by which a board knows a client: FNV-1a of its name,
// the same in every process.
func Client(name string) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range []byte(name) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// Running reports whether a task of the delivery was running.
func (d Delivery) Running() bool { return d.Started > d.Finished }

// Deliveries returns what the worker process holds, in no particular order. A
// delivery taken or released meanwhile is there whole or not at all, and one
// whose notes cannot be true is left out.
func (b *Board) Deliveries() []Delivery {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.page == nil {
		return nil
	}
	var all []Delivery
	for i := range b.page.records {
		if d, ok := b.page.records[i].read(); ok {
			all = append(all, d)
		}
	}
	return all
}

// Tasks returns how many tasks the worker process has finished since New.
func (b *Board) Tasks() uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.page == nil {
		return 0
	}
	var total uint64
	for i := range b.page.records {
		total += b.page.records[i].finished.Load()
	}
	return total
}

func (r *record) read() (Delivery, bool) {
	for range readAttempts {
		sequence := r.sequence.Load()
		if sequence%2 == 0 {
			return Delivery{}, false
		}
		d, ok := r.delivery()
		if r.sequence.Load() == sequence {
			return d, ok
		}
	}
	return Delivery{}, false
}

// delivery believes nothing: the worker process may have written anything.
func (r *record) delivery() (Delivery, bool) {
	ack, ok := getText(r.ackLength.Load(), r.ack[:])
	if !ok || ack == "" {
		return Delivery{}, false
	}
	d := Delivery{Ack: ack, Tasks: clamp(r.tasks.Load(), 0, MaxTasks), Client: r.client.Load(), ClientName: getLabel(r.clientLength.Load(), r.clientText[:])}
	handedOff := r.handedOff.Load() // first, as it must not exceed finished
	p := r.progress()
	d.Finished = clamp(p.finished-r.finishedBefore.Load(), 0, d.Tasks)
	d.Started = clamp(p.started&countMask, d.Finished, min(d.Finished+1, d.Tasks))
	d.HandedOff = clamp(handedOff, 0, d.Finished)
	d.Task, d.Func = p.task, int(min(p.started>>funcShift, MaxNames))
	if d.Started > 0 {
		d.StartedAt = time.Unix(0, p.startedAt)
	}
	if d.Running() && p.limitAt != 0 {
		d.LimitAt = time.Unix(0, p.limitAt)
	}
	return d, true
}

// progress is what changes with every task.
type progress struct {
	finished, started, task uint64
	startedAt, limitAt      int64
}

// progress reads what belongs together: the next task starts only after
// finished has grown, so while that stands still the rest is one task's.
func (r *record) progress() (p progress) {
	for range readAttempts {
		p.finished, p.started = r.finished.Load(), r.started.Load()
		p.startedAt, p.limitAt, p.task = r.startedAt.Load(), r.limitAt.Load(), r.task.Load()
		if r.finished.Load() == p.finished {
			return p
		}
	}
	// Tasks this short are as well seen between one and the next.
	p.started = 0
	return p
}

func clamp(n uint64, low, high int) int {
	return max(low, int(min(n, uint64(high))))
}
