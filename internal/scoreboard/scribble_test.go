package scoreboard_test

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/musterfleet/muster/internal/scoreboard"
)

// mapped maps the board's file once more, as a process may that keeps to no rule.
func mapped(t testing.TB, f *os.File) []byte {
	page, err := unix.Mmap(int(f.Fd()), 0, size(t, f), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(page)) })
	return page
}

// requireSound reads a run of so many tasks, and requires that what is read is within
// bounds, whatever stands in the page.
func requireSound(t *testing.T, b *scoreboard.Board, run uint64, keep, tasks int) {
	t.Helper()
	requireProgress(t, b.Look(run, tasks), tasks)
	end := b.TakeBack(run, keep, tasks)
	if end < 0 || end > tasks {
		t.Fatalf("a run of %d tasks ends at %d", tasks, end)
	}
	requireProgress(t, b.Look(run, end), end)
}

func requireProgress(t *testing.T, p scoreboard.Progress, tasks int) {
	t.Helper()
	if p.Begun < 0 || p.Begun > tasks || p.Finished < 0 || p.Finished > p.Begun || p.Begun > p.Finished+1 {
		t.Fatalf("of %d tasks: %+v", tasks, p)
	}
}

// spoiled sets a page to bytes that get beyond the first checks about every other time.
func spoiled(page []byte, random *rand.Rand, run uint64) {
	for i := 0; i < len(page); i += 8 {
		word := random.Uint64()
		switch random.IntN(4) {
		case 0: // a claim of the run, with any indexes
			word = word>>16 | run<<48
		case 1: // and with indexes that are near each other
			word = run<<48 | word&0xf<<24 | word>>8&0xf
		case 2: // few tasks that have ended
			word &= 0xf
		}
		binary.NativeEndian.PutUint64(page[i:], word)
	}
}

func TestScribbledBoardIsReadWithinBounds(t *testing.T) {
	t.Parallel()
	b, f := newBoard(t)
	page := mapped(t, f)
	random := rand.New(rand.NewPCG(1, 2))
	seen := 0
	for range 5000 {
		run := random.Uint64N(1 << 20)
		spoiled(page, random, run)
		tasks := random.IntN(20)
		if b.Look(run, tasks).Running() {
			seen++
		}
		requireSound(t, b, run, random.IntN(20), tasks)

		spoiled(page, random, run)
		begun := b.Look(run, tasks).Begun
		require.GreaterOrEqual(t, b.TakeBack(run, random.IntN(20), tasks), begun, "they have begun")
	}
	require.NotZero(t, seen, "nothing was tested")

	for i := range page {
		page[i] = 0xff
	}
	for run := range uint64(1 << 16) {
		requireSound(t, b, run, 1, 10)
	}
}

// A process that writes all the time does not hold up the supervisor.
func TestScribblingProcessDoesNotHoldUpTheSupervisor(t *testing.T) {
	t.Parallel()
	b, f := newBoard(t)
	page := mapped(t, f)
	done := make(chan struct{})
	var all sync.WaitGroup
	defer all.Wait()
	defer close(done)
	scribbling := make(chan struct{})
	all.Go(func() {
		random := rand.New(rand.NewPCG(3, 4))
		for i := 0; ; i++ {
			spoiled(page, random, 7)
			switch i {
			case 0:
				close(scribbling)
			default:
				select {
				case <-done:
					return
				default:
				}
			}
		}
	})
	<-scribbling
	for i := range 20_000 {
		requireSound(t, b, 7, i%5, i%17)
	}
}

// FuzzLook puts the bytes where the header and the runs stand.
func FuzzLook(f *testing.F) {
	b, file := newBoard(f)
	worker := open(f, file)
	page := mapped(f, file)
	b.Give(5, 3)
	f.Add(append([]byte{}, page...), uint64(5), uint16(1), uint16(3))
	b.Begin(5, 1)
	f.Add(append([]byte{}, page...), uint64(5), uint16(0), uint16(3))
	f.Add([]byte{}, uint64(0), uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, run uint64, keep, tasks uint16) {
		clear(page[copy(page, data):])
		requireSound(t, b, run, int(keep), int(tasks))

		clear(page[copy(page, data):])
		begun := b.Look(run, int(tasks)).Begun
		end := b.TakeBack(run, int(keep), int(tasks))
		require.GreaterOrEqual(t, end, begun, "they have begun")
		if end == int(tasks) {
			return // it may not have been this run's
		}
		for range int(keep) + 1 {
			index, ok := worker.Begin(run, 1)
			if !ok {
				return
			}
			require.Less(t, index, end, "it was taken back")
		}
		t.Fatal("more begin than were left")
	})
}
