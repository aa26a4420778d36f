package scoreboard

import (
	"sync/atomic"
	"unsafe"
)

// The board is a header, Slots records, a table of names, a table of counters
// and a ring of spans. All numbers are 64 bits wide and in the machine's own
// byte order: both readers stand on the same machine. Memory that nobody has
// written to takes none.
//
//	header, 640 bytes                record, 640 bytes
//	  0  magic                         0  sequence        odd while held
//	  8  version                       8  started         in the low half; above, the last one's func
//	 16  names                        16  startedAt       unix nanoseconds
//	 24  spans                        24  finished        since New, over all deliveries
//	 32  handed off directly          32  handedOff
//	 40  handed off by the store      40  task            number of the last started task
//	name, 136 bytes, MaxNames times   48  limitAt         unix nanoseconds; 0 for no limit
//	  0  length                       56  tasks
//	  8  text, 128 bytes              64  finishedBefore  value of finished at Take
//	                                  72  client          hash of the client's name
//	counters: see counters.go         80  ack length
//	                                  88  client length   0 if it does not fit
//	span: see ring.go                 96  client          64 bytes
//	                                 160  ack             480 bytes
//
// What changes with every task stands in the record's first cache line, and no
// two records share one.
const (
	magic   uint64 = 0x4d55535445525342 // "MUSTERSB"
	version uint64 = 2

	recordSize = 640
	pageSize   = int64(unsafe.Sizeof(page{}))
)

type page struct {
	magic    atomic.Uint64
	version  atomic.Uint64
	named    atomic.Uint64 // names there are
	spans    atomic.Uint64 // that were ever opened
	direct   atomic.Uint64 // outcomes that clients took
	stored   atomic.Uint64 // outcomes that the broker keeps
	_        [recordSize - 48]byte
	records  [Slots]record
	names    [MaxNames]name
	counters [MaxNames + 1]counters
	ring     [ringSize]span
}

// record is one slot in shared memory. A writer makes sequence odd after it has
// filled the record and even before it frees it, so a reader that sees the same
// odd number before and after has read one delivery and not two halves.
//
// Every word is atomic, the ack's as well: with plain loads and stores a
// processor may move them across the sequence, and some do.
type record struct {
	sequence       atomic.Uint64
	started        atomic.Uint64
	startedAt      atomic.Int64
	finished       atomic.Uint64
	handedOff      atomic.Uint64
	task           atomic.Uint64
	limitAt        atomic.Int64
	tasks          atomic.Uint64
	finishedBefore atomic.Uint64
	client         atomic.Uint64
	ackLength      atomic.Uint64
	clientLength   atomic.Uint64
	clientText     [maxClient / 8]atomic.Uint64
	ack            [MaxAck / 8]atomic.Uint64
}

// maxClient is the longest name of a client that is noted as text, in bytes.
const maxClient = 64

// Does not compile unless the struct has the documented size.
var _ [recordSize]byte = [unsafe.Sizeof(record{})]byte{}

func (r *record) held() bool { return r.sequence.Load()%2 == 1 }
