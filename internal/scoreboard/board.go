// Package scoreboard is the memory that a worker process shares with its
// supervisor. It says which task of which run the process has begun, and it
// survives the process, however that dies: so the supervisor knows which task was
// running, and charges that one alone.
//
// It is also where a process takes its next task from: each take is a
// compare-and-swap on a word that says how far the run goes, and the supervisor
// takes tasks back that have not begun by lowering that word. Neither waits for
// the other, so a process that computes without pause, or is stopped, keeps no
// task from the others but the one it runs.
//
// Both cost a few nanoseconds and no system call. What the supervisor reads is
// bounded by what it gave, whatever the process may have written there.
package scoreboard

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// Runs is how many runs a process may have at a time.
	Runs = 4
	// MaxTasks is the most tasks that a run can have.
	MaxTasks = 1 << 20
)

// The page is a header and a record for each run. All numbers are 64 bits wide and
// in the machine's own byte order: both readers stand on the same machine.
//
//	header, 64 bytes    record, 64 bytes
//	 0  magic            0  claim      the run's number, the next task, the end
//	 8  version          8  finished   tasks of the run that have ended
//	                    16  startedAt  of the latest task, in unix nanoseconds
//
// No two records share a cache line.
const (
	magic    uint64 = 0x4d55535445525342 // "MUSTERSB"
	version  uint64 = 3
	pageSize        = int64(unsafe.Sizeof(page{}))
)

type page struct {
	magic   atomic.Uint64
	version atomic.Uint64
	_       [48]byte
	runs    [Runs]record
}

type record struct {
	claim     atomic.Uint64
	finished  atomic.Uint64
	startedAt atomic.Int64
	_         [40]byte
}

// A claim holds the low bits of the run's number, then the index of the next task
// that is to begin, then the index where the run ends.
const (
	indexBits = 24
	indexMask = 1<<indexBits - 1
	runMask   = 1<<(64-2*indexBits) - 1
)

func claimOf(run uint64, next, end int) uint64 {
	return run&runMask<<(2*indexBits) | uint64(next)<<indexBits | uint64(end)
}

func isOf(claim, run uint64) bool { return claim>>(2*indexBits) == run&runMask }

func nextOf(claim uint64) int { return int(claim >> indexBits & indexMask) }

func endOf(claim uint64) int { return int(claim & indexMask) }

// Board is one worker process's page. Give, TakeBack and Look are the
// supervisor's, Begin and Finish the process's. All methods are safe for
// concurrent use, but Begin and Finish not beside Close.
type Board struct {
	// mu keeps Close from unmapping the page under a reader.
	mu     sync.RWMutex
	memory []byte
	page   *page
}

// New makes an empty board in anonymous shared memory, for the supervisor. The
// file is for the worker process to inherit; closing it leaves the board be.
// The caller closes both.
func New() (*Board, *os.File, error) {
	f, err := sharedMemory("scoreboard", pageSize)
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
	return &Board{memory: memory, page: (*page)(unsafe.Pointer(&memory[0]))}, nil
}

// Close unmaps the board; closing it again does nothing. Afterwards nothing begins,
// and nothing is seen to have begun.
func (b *Board) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.memory == nil {
		return nil
	}
	memory := b.memory
	b.memory, b.page = nil, nil
	if err := unix.Munmap(memory); err != nil {
		return fmt.Errorf("unmapping the scoreboard: %w", err)
	}
	return nil
}

// record returns the record of a run, and holds the page until release is called.
// It is nil when the board is closed.
func (b *Board) record(run uint64) *record {
	b.mu.RLock()
	if b.page == nil {
		return nil
	}
	return &b.page.runs[run%Runs]
}

func (b *Board) release() { b.mu.RUnlock() }

// Give lets the process begin the first n tasks of a run. The run Runs numbers
// before must be over.
func (b *Board) Give(run uint64, n int) {
	defer b.release()
	if r := b.record(run); r != nil {
		r.finished.Store(0)
		r.claim.Store(claimOf(run, 0, n))
	}
}

// Begin begins a run's next task at a time in unix nanoseconds and returns its
// index; ok is false if none is left. It must not be called after Close.
func (b *Board) Begin(run uint64, now int64) (index int, ok bool) {
	r := &b.page.runs[run%Runs]
	for {
		claim := r.claim.Load()
		next := nextOf(claim)
		if !isOf(claim, run) || next >= endOf(claim) {
			return 0, false
		}
		r.startedAt.Store(now) // first: a reader that sees the task begun sees since when
		if r.claim.CompareAndSwap(claim, claim+1<<indexBits) {
			return next, true
		}
	}
}

// Finish notes that the task with an index has ended. It must not be called after
// Close.
func (b *Board) Finish(run uint64, index int) {
	b.page.runs[run%Runs].finished.Store(uint64(index) + 1)
}

// attempts bounds how often a word that changes meanwhile is tried again.
const attempts = 64

// TakeBack ends a run of so many tasks behind those that have begun and up to keep
// more, and returns where it ends then. The tasks from there on will not begin.
func (b *Board) TakeBack(run uint64, keep, tasks int) (end int) {
	defer b.release()
	r := b.record(run)
	if r == nil {
		return tasks
	}
	for range attempts {
		claim := r.claim.Load()
		next := min(nextOf(claim), tasks)
		end = min(next+keep, endOf(claim), tasks)
		if !isOf(claim, run) || end < next {
			return tasks // no honest process's
		}
		if r.claim.CompareAndSwap(claim, claimOf(run, next, end)) {
			return end
		}
	}
	return tasks
}

// Progress is how far a process has come with a run.
type Progress struct {
	Begun    int       // tasks that have begun
	Finished int       // tasks that have ended: all that have begun, or one less
	Since    time.Time // when the latest task began; zero if none did
}

// Running reports whether a task runs, which is the last that has begun.
func (p Progress) Running() bool { return p.Begun > p.Finished }

// Look returns how far the process has come with a run of so many tasks.
func (b *Board) Look(run uint64, tasks int) (p Progress) {
	defer b.release()
	r := b.record(run)
	if r == nil {
		return Progress{}
	}
	for range attempts {
		finished, claim := r.finished.Load(), r.claim.Load()
		startedAt := r.startedAt.Load()
		if !isOf(claim, run) {
			return Progress{}
		}
		p.Begun = min(nextOf(claim), tasks)
		p.Finished = max(p.Begun-1, 0)
		if finished >= uint64(p.Begun) {
			p.Finished = p.Begun
		}
		if p.Begun > 0 {
			p.Since = time.Unix(0, startedAt)
		}
		// The next task begins only after the one before has ended, so while neither
		// word changes the rest is one task's.
		if r.finished.Load() == finished && r.claim.Load() == claim {
			break
		}
	}
	return p
}
