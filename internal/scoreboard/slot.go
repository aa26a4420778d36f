package scoreboard

// Slot is where a worker process notes the progress of one delivery, whose
// tasks run one after the other. It belongs to one goroutine at a time, from
// Take until Release; HandedOff and Truncate may be called beside the others.
type Slot struct {
	record *record
	board  *Board
	bit    uint64

	// What a journal needs to know of the last started task.
	client    string
	stored    int64
	started   uint64
	fn        int
	task      uint64
	startedAt int64
}

// A record's started counts in its low half; above it is the last one's func.
const (
	funcShift = 32
	countMask = 1<<funcShift - 1
)

func (s *Slot) fill(ack, client string, stored int64, tasks int) {
	r := s.record
	setText(&r.ackLength, r.ack[:], ack)
	if hash := Client(client); hash != r.client.Load() {
		r.client.Store(hash)
		setText(&r.clientLength, r.clientText[:], client)
	}
	r.tasks.Store(uint64(tasks))
	r.started.Store(0)
	r.startedAt.Store(0)
	r.finishedBefore.Store(r.finished.Load())
	r.handedOff.Store(0)
	s.client, s.stored, s.started = client, stored, 0
	r.sequence.Add(1)
}

// Start notes that the delivery's next task begins: its func, by the journal's
// index, the client's number for it, the time, and the time at which it must have
// ended, 0 for no such time; both in unix nanoseconds.
func (s *Slot) Start(fn int, task uint64, now, limitAt int64) {
	s.fn, s.task, s.startedAt = fn, task, now
	s.started++
	// All else first: whoever sees the task started sees the rest.
	s.record.task.Store(task)
	if s.record.limitAt.Load() != limitAt {
		s.record.limitAt.Store(limitAt)
	}
	s.record.startedAt.Store(now)
	s.record.started.Store(s.started | uint64(fn)<<funcShift)
}

// Finish notes that the started task's handler returned. A task that is
// answered without running its handler is started and finished all the same.
func (s *Slot) Finish() { s.record.finished.Add(1) }

// HandedOff notes that n more outcomes, in task order, are in safe hands.
func (s *Slot) HandedOff(n int) {
	if n > 0 {
		s.record.handedOff.Add(uint64(n))
	}
}

// Truncate notes that only the first n tasks are still this process's and the
// rest was given back. It never adds tasks.
func (s *Slot) Truncate(n int) {
	n = max(n, 0)
	if uint64(n) < s.record.tasks.Load() {
		s.record.tasks.Store(uint64(n))
	}
}

// Release frees the slot, its delivery being acknowledged or given back. The
// slot must not be used afterwards.
func (s *Slot) Release() {
	s.client = "" // it holds its message in memory
	s.record.sequence.Add(1)
	s.board.free.Or(s.bit)
}
