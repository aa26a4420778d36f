// Package scoreboard is the memory that a worker process shares with its
// supervisor, in which it notes what it is doing and has done. It survives the
// process, however it dies, so the supervisor can tell which task was running and
// charge that one alone, and no count is lost.
//
// Writing costs a few nanoseconds and no system call. Reading is safe at any
// time, also while the worker writes and whatever it may have scribbled there.
package scoreboard

import (
	"fmt"
	"math/bits"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// Slots is how many deliveries a worker process may hold at once.
	Slots = 64
	// MaxAck is the longest ack subject, in bytes, that a slot can note.
	MaxAck = 480
	// MaxTasks is the most tasks one delivery can have.
	MaxTasks = 1 << 20
)

// Board is one worker process's page. The supervisor reads it with Deliveries
// and Tasks; the worker process takes slots and writes through them. All
// methods are safe for concurrent use.
type Board struct {
	// mu keeps Close from unmapping the page under a reader.
	mu     sync.RWMutex
	memory []byte
	page   *page

	// free has a bit for every slot that Take may hand out. It is this
	// process's own memory: only the worker process takes slots.
	free  atomic.Uint64
	slots [Slots]Slot
}

// New makes an empty board in anonymous shared memory, for the supervisor. The
// file is for the worker process to inherit; closing it leaves the board be.
// The caller closes both.
func New() (*Board, *os.File, error) {
	f, err := sharedMemory(pageSize)
	if err != nil {
		return nil, nil, fmt.Errorf("making the scoreboard: %w", err)
	}
	b, err := mapBoard(f)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	b.page.magic.Store(magic)
	b.page.version.Store(version)
	return b, f, nil
}

// Open maps the board behind an inherited file, for the worker process. The
// file may be closed afterwards. The error is ErrLayout when the file is not a
// board of this layout.
func Open(f *os.File) (*Board, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening the scoreboard: %w", err)
	}
	if info.Size() != pageSize {
		return nil, fmt.Errorf("opening the scoreboard: %d bytes instead of %d: %w", info.Size(), pageSize, ErrLayout)
	}
	b, err := mapBoard(f)
	if err != nil {
		return nil, err
	}
	if m, v := b.page.magic.Load(), b.page.version.Load(); m != magic || v != version {
		b.Close()
		return nil, fmt.Errorf("opening the scoreboard: magic %#x, version %d: %w", m, v, ErrLayout)
	}
	return b, nil
}

func mapBoard(f *os.File) (*Board, error) {
	memory, err := unix.Mmap(int(f.Fd()), 0, int(pageSize), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping the scoreboard: %w", err)
	}
	b := &Board{memory: memory, page: (*page)(unsafe.Pointer(&memory[0]))}
	var free uint64
	for i := range b.slots {
		b.slots[i] = Slot{record: &b.page.records[i], board: b, bit: 1 << i}
		if !b.page.records[i].held() {
			free |= 1 << i
		}
	}
	b.free.Store(free)
	return b, nil
}

// Close unmaps the board; closing it again does nothing. Afterwards Take finds
// no slot and Deliveries and Tasks nothing, and no Slot may be used any more.
func (b *Board) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.memory == nil {
		return nil
	}
	b.free.Store(0)
	memory := b.memory
	b.memory, b.page = nil, nil
	if err := unix.Munmap(memory); err != nil {
		return fmt.Errorf("unmapping the scoreboard: %w", err)
	}
	return nil
}

// Take notes a delivery of so many tasks of a client under its ack subject, which
// the broker stored at a time in unix nanoseconds. It returns false, and notes
// nothing, when no slot is free, when ack is empty or longer than MaxAck, or when
// tasks is negative or more than MaxTasks. It must not be called while Close is
// running.
func (b *Board) Take(ack, client string, stored int64, tasks int) (*Slot, bool) {
	if len(ack) == 0 || len(ack) > MaxAck || tasks < 0 || tasks > MaxTasks {
		return nil, false
	}
	for {
		free := b.free.Load()
		if free == 0 {
			return nil, false
		}
		lowest := free & -free
		if b.free.CompareAndSwap(free, free&^lowest) {
			s := &b.slots[bits.TrailingZeros64(lowest)]
			s.fill(ack, client, stored, tasks)
			return s, true
		}
	}
}
