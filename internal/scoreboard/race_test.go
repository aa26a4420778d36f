package scoreboard_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/internal/scoreboard"
)

// Every delivery says in its ack subject how many tasks it has, and a task's
// start time says how many were started, so that a torn read gives itself away.
func TestReadersSeeWholeDeliveries(t *testing.T) {
	t.Parallel()
	const writers, rounds = 4, 5000
	supervisor, f := newBoard(t)
	worker := open(t, f)

	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			var total uint64
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, d := range supervisor.Deliveries() {
					requireWhole(t, d)
				}
				now := supervisor.Tasks()
				if now < total {
					t.Errorf("total went from %d to %d", total, now)
				}
				total = now
			}
		})
	}

	var wg sync.WaitGroup
	var finished [writers]uint64
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				tasks := 1 + (i+w)%40
				s, ok := worker.Take(ackFor(tasks), "client", 0, tasks)
				if !ok {
					t.Error("no slot")
					return
				}
				for n := range tasks {
					s.Start(0, 7, int64(n+1), 0)
					s.Finish()
					finished[w]++
				}
				s.HandedOff(tasks)
				s.Release()
			}
		})
	}
	wg.Wait()
	close(stop)
	readers.Wait()

	require.Empty(t, supervisor.Deliveries())
	var sum uint64
	for _, n := range finished {
		sum += n
	}
	require.Equal(t, sum, supervisor.Tasks())
}

func ackFor(tasks int) string {
	return fmt.Sprintf("%d.%s", tasks, strings.Repeat(fmt.Sprint(tasks%10), tasks*10))
}

func requireWhole(t *testing.T, d scoreboard.Delivery) {
	requireSound(t, d)
	if d.Ack != ackFor(d.Tasks) {
		t.Errorf("torn: %d tasks under %q", d.Tasks, d.Ack)
	}
	if d.Running() && d.StartedAt.UnixNano() != int64(d.Started) {
		t.Errorf("torn: task %d started at %d", d.Started, d.StartedAt.UnixNano())
	}
}

// Long deliveries of tasks that take no time.
func TestReaderSeesTheStartOfTheRunningTask(t *testing.T) {
	t.Parallel()
	const reads = 100_000
	supervisor, f := newBoard(t)
	worker := open(t, f)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			s, _ := worker.Take(ackFor(1), "client", 0, scoreboard.MaxTasks)
			for n := range scoreboard.MaxTasks {
				s.Start(0, 7, int64(n+1), 0)
				s.Finish()
			}
			s.Release()
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	defer func() { // before the board is unmapped
		close(stop)
		<-done
	}()
	for range reads {
		for _, d := range supervisor.Deliveries() {
			requireSound(t, d)
			if d.Running() && d.StartedAt.UnixNano() != int64(d.Started) {
				require.FailNow(t, "torn", "%+v", d)
			}
		}
	}
}
