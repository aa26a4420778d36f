package scoreboard_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/scoreboard"
)

// Every task has begun once or was taken back, whatever the order in which the two
// sides get to it. It runs alone, so that the sides run at the same time.
func TestTaskBeginsOrIsTakenBackNeverBoth(t *testing.T) {
	supervisor, f := newBoard(t)
	worker := open(t, f)
	random := rand.New(rand.NewPCG(1, 2))
	begun := make([]int, 0, scoreboard.MaxTasks)
	for run := uint64(1); run <= 100; run++ {
		tasks := 1 + random.IntN(30_000)
		supervisor.Give(run, tasks)
		begun = begun[:0]
		ready, done := make(chan struct{}), make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			defer close(done)
			<-ready
			for {
				index, ok := worker.Begin(run, int64(len(begun)))
				if !ok {
					return
				}
				begun = append(begun, index)
				worker.Finish(run, index)
			}
		})
		end := tasks
		all.Go(func() {
			keeps := rand.New(rand.NewPCG(run, 3))
			close(ready)
			for ended := false; !ended; {
				select {
				case <-done:
					ended = true
				default:
				}
				// Both get to the claim often when little is taken back at a time.
				keep := max(end-supervisor.Look(run, end).Begun-keeps.IntN(4), 0)
				if keeps.IntN(20_000) == 0 {
					keep = keeps.IntN(30)
				}
				now := supervisor.TakeBack(run, keep, tasks)
				if now == tasks {
					continue // nothing was taken back
				}
				if now > end || now < 0 {
					t.Errorf("a run that ended at %d ends at %d", end, now)
				}
				end = now
			}
		})
		if run%4 == 0 {
			all.Go(func() { watch(t, supervisor, run, tasks, done) })
		}
		all.Wait()

		require.Len(t, begun, end, "of %d tasks %d were taken back", tasks, tasks-end)
		for i, index := range begun {
			if i != index {
				t.Fatalf("task %d has begun in the place of %d", index, i)
			}
		}
		p := supervisor.Look(run, tasks)
		require.Equal(t, end, p.Begun)
		require.Equal(t, end, p.Finished)
		require.Equal(t, end, supervisor.TakeBack(run, 0, tasks))
	}
}

// watch requires of a run that goes on that it goes forward, one task at a time.
func watch(t *testing.T, b *scoreboard.Board, run uint64, tasks int, done <-chan struct{}) {
	var last scoreboard.Progress
	for {
		select {
		case <-done:
			return
		default:
		}
		p := b.Look(run, tasks)
		switch {
		case p.Begun > tasks, p.Begun < last.Begun, p.Finished < last.Finished,
			p.Finished != p.Begun && p.Finished != p.Begun-1:
			t.Errorf("after %+v of %d tasks, %+v", last, tasks, p)
		case p.Running() && p.Since.UnixNano() < int64(p.Begun-1), p.Since.Before(last.Since):
			t.Errorf("after %+v, %+v", last, p)
		}
		last = p
	}
}

// Of a task that runs, Look returns its own start, though the tasks change meanwhile.
func TestLookIsOfOneTask(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	worker := open(t, f)
	const tasks = 5000
	supervisor.Give(1, tasks)
	done := make(chan struct{})
	go func() {
		defer close(done)
		work := rand.New(rand.NewPCG(1, 2))
		for i := range tasks {
			worker.Begin(1, int64(i))
			for range work.IntN(400) { // longer than a look
				work.Uint64()
			}
			worker.Finish(1, i)
		}
	}()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		if p := supervisor.Look(1, tasks); p.Running() && p.Since.UnixNano() != int64(p.Begun-1) {
			t.Errorf("task %d began at %d", p.Begun-1, p.Since.UnixNano())
		}
	}
	require.Equal(t, tasks, supervisor.Look(1, tasks).Finished)
}

// A page that is unmapped under a reader ends the program.
func TestBoardIsClosedUnderItsReaders(t *testing.T) {
	t.Parallel()
	for range 15 {
		b, f, err := scoreboard.New()
		require.NoError(t, err)
		b.Give(1, scoreboard.MaxTasks)
		_, ok := b.Begin(1, 1)
		require.True(t, ok)
		var all sync.WaitGroup
		started := make(chan struct{})
		all.Go(func() {
			for i := 0; b.Look(1, scoreboard.MaxTasks).Begun > 0; i++ {
				b.TakeBack(1, scoreboard.MaxTasks, scoreboard.MaxTasks)
				if i == 0 {
					close(started)
				}
			}
		})
		<-started
		require.NoError(t, b.Close())
		all.Wait()
		require.NoError(t, f.Close())
	}
}
