package scoreboard_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/scoreboard"
)

func TestSupervisorSeesEveryStep(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	worker := open(t, f)
	require.Zero(t, supervisor.Look(1, 3))
	requireNoneLeft(t, worker, 1)

	supervisor.Give(1, 3)
	require.Zero(t, supervisor.Look(1, 3))
	require.False(t, supervisor.Look(1, 3).Running())

	for i := range 3 {
		now := time.Now().UnixNano()
		begin(t, worker, 1, now, i)
		want := scoreboard.Progress{Begun: i + 1, Finished: i, Since: time.Unix(0, now)}
		require.Equal(t, want, supervisor.Look(1, 3))
		require.True(t, supervisor.Look(1, 3).Running())

		worker.Finish(1, i)
		want.Finished++
		require.Equal(t, want, supervisor.Look(1, 3))
		require.False(t, supervisor.Look(1, 3).Running())
	}
	requireNoneLeft(t, worker, 1)
	require.Equal(t, 3, supervisor.Look(1, 3).Begun)
}

func TestTakenBackTasksDoNotBegin(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	worker := open(t, f)
	supervisor.Give(1, 10)
	begin(t, worker, 1, 1, 0)

	require.Equal(t, 4, supervisor.TakeBack(1, 3, 10), "one has begun, three are kept")
	begin(t, worker, 1, 2, 1)
	require.Equal(t, 4, supervisor.TakeBack(1, 100, 4), "what was taken back does not return")
	require.Equal(t, 4, supervisor.TakeBack(1, 100, 10), "what was taken back does not return")
	require.Equal(t, 2, supervisor.TakeBack(1, 0, 4))
	requireNoneLeft(t, worker, 1)
	require.True(t, supervisor.Look(1, 2).Running(), "the task that has begun stays")
	worker.Finish(1, 1)
	require.Equal(t, scoreboard.Progress{Begun: 2, Finished: 2, Since: time.Unix(0, 2)}, supervisor.Look(1, 2))
}

func TestAllTasksCanBeTakenBack(t *testing.T) {
	t.Parallel()
	b, _ := newBoard(t)
	b.Give(1, 10)
	require.Zero(t, b.TakeBack(1, 0, 10))
	requireNoneLeft(t, b, 1)
	require.Zero(t, b.Look(1, 0))
}

func TestRunsDoNotMix(t *testing.T) {
	t.Parallel()
	b, _ := newBoard(t)
	for run := uint64(1); run <= scoreboard.Runs; run++ {
		b.Give(run, int(run))
	}
	for run := uint64(1); run <= scoreboard.Runs; run++ {
		for i := range int(run) {
			begin(t, b, run, int64(run), i)
			b.Finish(run, i)
		}
		requireNoneLeft(t, b, run)
	}
	for run := uint64(1); run <= scoreboard.Runs; run++ {
		want := scoreboard.Progress{Begun: int(run), Finished: int(run), Since: time.Unix(0, int64(run))}
		require.Equal(t, want, b.Look(run, int(run)))
	}
}

func TestNothingIsLeftOfTheRunBefore(t *testing.T) {
	t.Parallel()
	b, _ := newBoard(t)
	for run := uint64(1); run < 1<<18; run += scoreboard.Runs {
		b.Give(run, 2)
		if p := b.Look(run, 2); p != (scoreboard.Progress{}) {
			require.Zero(t, p, run)
		}
		b.Begin(run, 1)
		if p := b.Look(run, 2); !p.Running() {
			require.True(t, p.Running(), run)
		}
		b.Finish(run, 0)
		b.Begin(run, 1)
		b.Finish(run, 1)
	}
	b.Give(5, 2)
	begin(t, b, 5, 1, 0)
	for _, run := range []uint64{1, 9} {
		requireNoneLeft(t, b, run)
		require.Zero(t, b.Look(run, 2))
		require.Equal(t, 2, b.TakeBack(run, 0, 2), "nothing can be taken back from another run")
	}
	begin(t, b, 5, 1, 1)
}

func TestLongestRun(t *testing.T) {
	t.Parallel()
	b, _ := newBoard(t)
	b.Give(1, scoreboard.MaxTasks)
	for i := range scoreboard.MaxTasks {
		index, ok := b.Begin(1, 1)
		if !ok || index != i {
			t.Fatal(i, index, ok)
		}
		b.Finish(1, i)
	}
	requireNoneLeft(t, b, 1)
	p := b.Look(1, scoreboard.MaxTasks)
	require.Equal(t, scoreboard.MaxTasks, p.Begun)
	require.Equal(t, scoreboard.MaxTasks, p.Finished)
	require.Equal(t, scoreboard.MaxTasks, b.TakeBack(1, 0, scoreboard.MaxTasks))
}

func TestBoardOutlivesItsFile(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	worker := open(t, f)
	require.NoError(t, f.Close())
	supervisor.Give(1, 1)
	begin(t, worker, 1, 1, 0)
	require.True(t, supervisor.Look(1, 1).Running())
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

func TestOpenRejectsAClosedFile(t *testing.T) {
	t.Parallel()
	_, f := newBoard(t)
	require.NoError(t, f.Close())
	_, err := scoreboard.Open(f)
	require.ErrorIs(t, err, os.ErrClosed)
}

func TestClosedBoardIsEmpty(t *testing.T) {
	t.Parallel()
	b, f, err := scoreboard.New()
	require.NoError(t, err)
	defer f.Close()
	b.Give(1, 3)
	begin(t, b, 1, 1, 0)
	require.NoError(t, b.Close())
	require.NoError(t, b.Close())
	b.Give(1, 3)
	require.Zero(t, b.Look(1, 3))
	require.Equal(t, 3, b.TakeBack(1, 0, 3), "nothing is known to come back")
}

func TestBoardSurvivesTheProcess(t *testing.T) {
	t.Parallel()
	b, f := newBoard(t)
	b.Give(victimRun, 5)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"=1")
	cmd.ExtraFiles = []*os.File{f}
	_, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	killed := cmd.Process.Kill()
	waited := cmd.Wait()
	require.NoError(t, err)
	require.Equal(t, "running\n", line)
	require.NoError(t, killed)
	require.Error(t, waited)

	want := scoreboard.Progress{Begun: 2, Finished: 1, Since: time.Unix(0, victimStart)}
	require.Equal(t, want, b.Look(victimRun, 5))
	require.True(t, b.Look(victimRun, 5).Running())
	require.Equal(t, 2, b.TakeBack(victimRun, 0, 5), "the other three have not begun")
}
