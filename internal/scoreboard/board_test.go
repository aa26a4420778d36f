package scoreboard_test

import (
	"bufio"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/musterfleet/muster/internal/scoreboard"
)

// newBoard returns the supervisor's view of a board and its file.
func newBoard(t testing.TB) (*scoreboard.Board, *os.File) {
	b, f, err := scoreboard.New()
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, b.Close())
		f.Close()
	})
	return b, f
}

// open returns the worker's view of the board behind f.
func open(t testing.TB, f *os.File) *scoreboard.Board {
	b, err := scoreboard.Open(f)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func TestSupervisorSeesEveryStep(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	worker := open(t, f)
	only := func() scoreboard.Delivery {
		t.Helper()
		all := supervisor.Deliveries()
		require.Len(t, all, 1)
		return noted(all)[0]
	}
	require.Empty(t, supervisor.Deliveries())

	s, ok := worker.Take("$JS.ACK.TASKS_default.workers.1.2.3.4.5", "client", 0, 3)
	require.True(t, ok)
	want := scoreboard.Delivery{Ack: "$JS.ACK.TASKS_default.workers.1.2.3.4.5", Tasks: 3}
	require.Equal(t, want, only())
	require.False(t, only().Running())

	now := time.Now()
	s.Start(0, 7, now.UnixNano(), 0)
	want.Started, want.StartedAt = 1, time.Unix(0, now.UnixNano())
	require.Equal(t, want, only())
	require.True(t, only().Running())
	require.Zero(t, supervisor.Tasks())

	s.Finish()
	want.Finished = 1
	require.Equal(t, want, only())
	require.False(t, only().Running())
	require.EqualValues(t, 1, supervisor.Tasks())

	s.HandedOff(1)
	want.HandedOff = 1
	require.Equal(t, want, only())

	s.Truncate(2)
	want.Tasks = 2
	require.Equal(t, want, only())
	s.Truncate(3)
	require.Equal(t, want, only(), "what was given back does not return")

	s.Release()
	require.Empty(t, supervisor.Deliveries())
	require.EqualValues(t, 1, supervisor.Tasks(), "the total outlives the delivery")

	s, ok = worker.Take("next", "client", 0, 1)
	require.True(t, ok)
	require.Equal(t, scoreboard.Delivery{Ack: "next", Tasks: 1}, only(), "nothing is left of the delivery before")
	s.Start(0, 7, 1, 0)
	s.Finish()
	require.EqualValues(t, 2, supervisor.Tasks())
}

func TestTakeRefuses(t *testing.T) {
	t.Parallel()
	b, _ := newBoard(t)
	longest := strings.Repeat("a", scoreboard.MaxAck)
	for _, c := range []struct {
		ack   string
		tasks int
	}{{"", 1}, {longest + "a", 1}, {"ack", -1}, {"ack", scoreboard.MaxTasks + 1}} {
		_, ok := b.Take(c.ack, "client", 0, c.tasks)
		require.False(t, ok)
	}
	require.Empty(t, b.Deliveries())

	first, ok := b.Take(longest, "client", 0, scoreboard.MaxTasks)
	require.True(t, ok)
	require.Equal(t, []scoreboard.Delivery{{Ack: longest, Tasks: scoreboard.MaxTasks}}, noted(b.Deliveries()))
	for range scoreboard.Slots - 1 {
		_, ok := b.Take("ack", "client", 0, 1)
		require.True(t, ok)
	}
	require.Len(t, b.Deliveries(), scoreboard.Slots)
	_, ok = b.Take("ack", "client", 0, 1)
	require.False(t, ok, "every slot is taken")
	first.Release()
	_, ok = b.Take("ack", "client", 0, 1)
	require.True(t, ok)
}

func TestOpenRejectsOtherLayouts(t *testing.T) {
	t.Parallel()
	_, board := newBoard(t)
	page := make([]byte, size(t, board))
	_, err := board.ReadAt(page, 0)
	require.NoError(t, err)

	for name, spoil := range map[string]func([]byte) []byte{
		"empty":   func(p []byte) []byte { return nil },
		"short":   func(p []byte) []byte { return p[:len(p)-1] },
		"long":    func(p []byte) []byte { return append(p, 0) },
		"magic":   func(p []byte) []byte { p[0]++; return p },
		"version": func(p []byte) []byte { p[8]++; p[15]++; return p },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "board")
			require.NoError(t, os.WriteFile(path, spoil(append([]byte{}, page...)), 0o600))
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			defer f.Close()
			_, err = scoreboard.Open(f)
			require.ErrorIs(t, err, scoreboard.ErrLayout)
		})
	}
}

func TestClosedBoardIsEmpty(t *testing.T) {
	t.Parallel()
	b, f, err := scoreboard.New()
	require.NoError(t, err)
	defer f.Close()
	_, ok := b.Take("ack", "client", 0, 1)
	require.True(t, ok)
	require.NoError(t, b.Close())
	require.NoError(t, b.Close())
	require.Empty(t, b.Deliveries())
	require.Zero(t, b.Tasks())
	require.Empty(t, b.Counts())
	require.Equal(t, scoreboard.Other, b.Func(0))
	var c scoreboard.Cursor
	b.Skip(&c)
	require.Empty(t, read(t, b, &c))
	_, ok = b.Take("ack", "client", 0, 1)
	require.False(t, ok)
}

func TestBoardSurvivesTheProcess(t *testing.T) {
	t.Parallel()
	b, f := newBoard(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"=1")
	cmd.ExtraFiles = []*os.File{f}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "running\n", line)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	require.Equal(t, []scoreboard.Delivery{{
		Ack: "ack.victim", Tasks: 4, Started: 2, Finished: 1, HandedOff: 1,
		StartedAt: time.Unix(0, victimStart),
	}}, noted(b.Deliveries()))
	require.True(t, b.Deliveries()[0].Running())
	require.EqualValues(t, 2, b.Tasks())
}

// A worker process may have written anything: what is read is within bounds,
// and reading it does not panic.
func TestScribbledBoard(t *testing.T) {
	t.Parallel()
	b, f := newBoard(t)
	random := rand.NewChaCha8([32]byte{1})
	page := make([]byte, size(t, f))
	seen := 0
	for round := range 200 {
		random.Read(page)
		for slot := range scoreboard.Slots {
			// Let some slots get beyond the first checks.
			record := page[640+slot*640:][:640]
			if round%2 == 0 {
				record[0] |= 1
				clear(record[81:88])
				for i := range record[96:] {
					record[96+i] = 'a' + record[96+i]%26
				}
			}
		}
		write(t, f, page)
		b.Tasks()
		for _, d := range b.Deliveries() {
			requireSound(t, d)
			seen++
		}
		requireSoundJournal(t, b)
	}
	require.NotZero(t, seen, "nothing was tested")

	for i := range page {
		page[i] = 0xff
	}
	write(t, f, page)
	require.Empty(t, b.Deliveries())
	requireSoundJournal(t, b)
}

func requireSoundJournal(t *testing.T, b *scoreboard.Board) {
	counts := b.Counts()
	require.LessOrEqual(t, len(counts), scoreboard.MaxNames+1)
	for _, c := range counts {
		require.NotEmpty(t, c.Func)
		require.Less(t, c.Attempts(), uint64(1<<60), "sums would run over")
	}
	var c scoreboard.Cursor
	b.Skip(&c)
	for range 2 {
		spans, _ := b.Spans(&c)
		require.LessOrEqual(t, len(spans), 256)
		for _, s := range spans {
			require.Positive(t, s.Count)
			require.False(t, s.End.Before(s.Start))
			require.NotEmpty(t, b.Func(s.Func))
			require.Less(t, s.Code, scoreboard.Codes)
		}
		c = scoreboard.Cursor{}
	}
}

func TestScribbledAckIsLeftOut(t *testing.T) {
	t.Parallel()
	b, _ := newBoard(t)
	for _, ack := range []string{"a b", "a\r\nPUB x 0\r\n\r\n", "a\x00", "\x7f"} {
		s, ok := b.Take(ack, "client", 0, 1)
		require.True(t, ok)
		require.Empty(t, b.Deliveries(), "%q", ack)
		s.Release()
	}
}

func requireSound(t testing.TB, d scoreboard.Delivery) {
	t.Helper()
	ok := d.Ack != "" && len(d.Ack) <= scoreboard.MaxAck &&
		0 <= d.HandedOff && d.HandedOff <= d.Finished && d.Finished <= d.Started &&
		d.Started <= d.Finished+1 && d.Started <= d.Tasks && d.Tasks <= scoreboard.MaxTasks
	require.True(t, ok, "%+v", d)
}

func size(t testing.TB, f *os.File) int64 {
	info, err := f.Stat()
	require.NoError(t, err)
	return info.Size()
}

// write scribbles over the board the way a worker process would.
func write(t testing.TB, f *os.File, page []byte) {
	memory, err := unix.Mmap(int(f.Fd()), 0, len(page), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(t, err)
	copy(memory, page)
	require.NoError(t, unix.Munmap(memory))
}
