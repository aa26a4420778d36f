package scoreboard

import (
	"sync/atomic"
	"unsafe"
)

// The board is a header followed by Slots records. All numbers are 64 bits wide
// and in the machine's own byte order: both readers stand on the same machine.
//
//	header, 512 bytes                record, 512 bytes
//	  0  magic                         0  sequence        odd while held
//	  8  version                       8  started
//	 16  unused                       16  startedAt       unix nanoseconds
//	                                  24  finished        since New, over all deliveries
//	                                  32  handedOff
//	                                  40  task            number of the last started task
//	                                  48  limitAt         unix nanoseconds; 0 for no limit
//	                                  56  tasks
//	                                  64  finishedBefore  value of finished at Take
//	                                  72  client          hash of the client's name
//	                                  80  ack length
//	                                  88  ack             424 bytes
//
// What changes with every task stands in the record's first cache line, and no
// two records share one.
const (
	magic   uint64 = 0x4d55535445525342 // "MUSTERSB"
	version uint64 = 1

	recordSize = 512
	ackWords   = MaxAck / 8
	pageSize   = recordSize + Slots*recordSize
)

type page struct {
	magic   atomic.Uint64
	version atomic.Uint64
	_       [recordSize - 16]byte
	records [Slots]record
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
	ack            [ackWords]atomic.Uint64
}

// Neither compiles unless the structs have the documented size.
var (
	_ [recordSize]byte = [unsafe.Sizeof(record{})]byte{}
	_ [pageSize]byte   = [unsafe.Sizeof(page{})]byte{}
)

func (r *record) held() bool { return r.sequence.Load()%2 == 1 }

func (r *record) setAck(ack string) {
	r.ackLength.Store(uint64(len(ack)))
	for i := 0; len(ack) > 0; i++ {
		var word [8]byte
		ack = ack[copy(word[:], ack):]
		r.ack[i].Store(*(*uint64)(unsafe.Pointer(&word)))
	}
}

// getAck returns false where the length cannot be true.
func (r *record) getAck() (string, bool) {
	length := r.ackLength.Load()
	if length == 0 || length > MaxAck {
		return "", false
	}
	var words [ackWords]uint64
	for i := range (length + 7) / 8 {
		words[i] = r.ack[i].Load()
	}
	return string(unsafe.Slice((*byte)(unsafe.Pointer(&words)), length)), true
}
