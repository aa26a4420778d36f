package scoreboard_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/scoreboard"
)

// Every task has begun once or was taken back, whatever the order in which the two
// sides get to it.
func TestTaskBeginsOrIsTakenBackNeverBoth(t *testing.T) {
	t.Parallel()
	supervisor, f := newBoard(t)
	worker := open(t, f)
	random := rand.New(rand.NewPCG(1, 2))
	for run := uint64(1); run <= 60; run++ {
		tasks := 1 + random.IntN(1000)
		supervisor.Give(run, tasks)
		from := random.IntN(tasks) // where the supervisor joins in
		keeps := rand.New(rand.NewPCG(run, 3))
		yields := rand.New(rand.NewPCG(run, 4))

		var begun []int
		join, done := make(chan struct{}), make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			defer close(done)
			for {
				index, ok := worker.Begin(run, int64(len(begun)))
				if !ok {
					return
				}
				begun = append(begun, index)
				if index == from {
					close(join)
				}
				if yields.IntN(50) == 0 {
					runtime.Gosched()
				}
				worker.Finish(run, index)
			}
		})
		end := tasks
		all.Go(func() {
			<-join
			for ended := false; !ended; {
				select {
				case <-done:
					ended = true
				default:
				}
				now := supervisor.TakeBack(run, keeps.IntN(30), end)
				if now > end || now <= from {
					t.Errorf("a run that ended at %d ends at %d, and %d has begun", end, now, from)
				}
				end = now
			}
		})
		all.Go(func() { watch(t, supervisor, run, tasks, done) })
		all.Wait()

		require.Len(t, begun, end, "of %d tasks %d were taken back", tasks, tasks-end)
		for i, index := range begun {
			require.Equal(t, i, index)
		}
		p := supervisor.Look(run, tasks)
		require.Equal(t, end, p.Begun)
		require.Equal(t, end, p.Finished)
		require.EqualValues(t, end-1, p.Since.UnixNano())
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

// A page that is unmapped under a reader ends the program.
func TestBoardIsClosedUnderItsReaders(t *testing.T) {
	t.Parallel()
	for range 15 {
		b, f, err := scoreboard.New()
		require.NoError(t, err)
		b.Give(1, scoreboard.MaxTasks)
		var all sync.WaitGroup
		started := make(chan struct{})
		all.Go(func() {
			for i := 0; ; i++ {
				index, ok := b.Begin(1, 1)
				if !ok {
					return
				}
				b.Finish(1, index)
				if i == 0 {
					close(started)
				}
			}
		})
		all.Go(func() {
			<-started
			for b.Look(1, scoreboard.MaxTasks).Begun > 0 {
				b.TakeBack(1, scoreboard.MaxTasks, scoreboard.MaxTasks)
			}
		})
		<-started
		require.NoError(t, b.Close())
		all.Wait()
		require.NoError(t, f.Close())
	}
}
