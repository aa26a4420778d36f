package codec

import "encoding/binary"

// Batch is several tasks of one client in one broker message. The zero value is
// not ready for use; see [NewBatch] and [Batch.Decode]. It is not safe for
// concurrent use.
type Batch struct {
	Client string
	Tasks  []Task // what Decode read; they refer to the bytes it was given
	Chunk  bool   // one process is to run them all, however long they take
}

// minTask is the shortest that an encoded task can be, in bytes.
const minTask = 5

// Decode reads a batch into b, reusing its space. The tasks refer to data. Its
// error wraps [ErrMalformed] or [ErrVersion].
func (b *Batch) Decode(data []byte) error {
	before := b.Tasks
	b.Client, b.Tasks, b.Chunk = "", b.Tasks[:0], false
	r := reader{data: data}
	client, n, extra := r.batchHead()
	b.Client = client
	if most := min(n, r.left()/minTask); cap(b.Tasks) < most {
		b.Tasks = make([]Task, 0, most)
	}
	name := ""
	for ; n > 0 && r.err == nil; n-- {
		b.Tasks = append(b.Tasks, Task{})
		name = r.task(&b.Tasks[len(b.Tasks)-1], name)
	}
	if extra > 0 {
		b.Chunk = r.bool()
		extra--
	}
	err := r.close(extra)
	if err != nil {
		clear(b.Tasks)
		b.Client, b.Tasks, b.Chunk = "", b.Tasks[:0], false
	}
	if len(before) > len(b.Tasks) {
		clear(before[len(b.Tasks):]) // they hold the message before in memory
	}
	return err
}

// batchHead reads what stands before the tasks of a batch: its client, their number,
// and how many elements come behind them.
func (r *reader) batchHead() (client string, tasks, extra int) {
	extra = r.envelope(kindBatch, 2)
	if name := r.str(); r.err == nil && !validClient(string(name)) {
		r.fail("invalid client name")
	} else {
		client = string(name)
	}
	tasks = r.array()
	if tasks == 0 || tasks > MaxTasks {
		r.fail("batch without tasks, or with too many")
	}
	return client, tasks, extra
}

// Number numbers tasks that are to be numbered by their message, see [Task.Numbered]:
// seq is the message's number in its stream.
func (b *Batch) Number(seq uint64) {
	for i := range b.Tasks {
		if t := &b.Tasks[i]; t.Numbered {
			t.N, t.Numbered = seq, false
		}
	}
}

// AppendBatch appends a batch of n tasks that are encoded.
func AppendBatch(dst []byte, client string, tasks []byte, n int) []byte {
	dst = appendString(appendEnvelope(dst, kindBatch, 2), client)
	dst = appendArray32(dst)
	binary.BigEndian.PutUint32(dst[len(dst)-4:], uint32(n))
	return append(dst, tasks...)
}

// BatchBuilder encodes tasks into one broker message. It is not safe for
// concurrent use.
type BatchBuilder struct {
	buf   []byte
	tasks int
	count int // where the number of tasks stands in buf
	chunk bool
}

// NewBatch begins a batch of a client's tasks, in buf's space if it has any.
func NewBatch(client string, buf []byte) *BatchBuilder {
	buf = appendEnvelope(buf[:0], kindBatch, 2)
	return newBatch(client, buf, false)
}

// NewChunk begins a batch as [NewBatch] does, whose tasks one process is to run,
// however long they take.
func NewChunk(client string, buf []byte) *BatchBuilder {
	buf = appendEnvelope(buf[:0], kindBatch, 3)
	return newBatch(client, buf, true)
}

func newBatch(client string, buf []byte, chunk bool) *BatchBuilder {
	buf = appendString(buf, client)
	buf = appendArray32(buf)
	return &BatchBuilder{buf: buf, count: len(buf) - 4, chunk: chunk}
}

// Add encodes a task into the batch. A batch of no task, or of more than
// [MaxTasks], is refused by its reader.
func (b *BatchBuilder) Add(t *Task) {
	b.buf = AppendTask(b.buf, t)
	b.tasks++
}

// AddCall is [BatchBuilder.Add] for a task that has a number, a func and an
// encoded argument, and nothing else.
func (b *BatchBuilder) AddCall(n uint64, name string, arg []byte) {
	b.buf = appendUint(appendArrayLen(b.buf, 3), n)
	b.buf = appendBin(appendString(b.buf, name), arg)
	b.tasks++
}

// AddEncoded adds n tasks that AppendTask encoded, or that [TaskList.Encoded] returned.
func (b *BatchBuilder) AddEncoded(tasks []byte, n int) {
	b.buf = append(b.buf, tasks...)
	b.tasks += n
}

// Len returns the number of tasks so far.
func (b *BatchBuilder) Len() int { return b.tasks }

// Size returns the encoded length so far, in bytes.
func (b *BatchBuilder) Size() int { return len(b.buf) }

// Bytes returns the encoded batch, which shares the builder's space.
func (b *BatchBuilder) Bytes() []byte {
	binary.BigEndian.PutUint32(b.buf[b.count:], uint32(b.tasks))
	if b.chunk {
		return appendBool(b.buf, true)
	}
	return b.buf
}
