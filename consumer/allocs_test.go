//go:build !race

// The race detector allocates too, so nothing here is counted under it.

package consumer

import (
	"context"
	"encoding/binary"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/link"
)

const allocTasks = 1000

// What a task may allocate in a worker process, besides its handler. A number may
// be lowered; who raises one must say what it is worth. The scoreboard has a test
// of its own.
func TestAllocations(t *testing.T) {
	for _, c := range []struct {
		what string
		most float64 // allocations for each task
		call func(t *testing.T) func()
	}{
		{"making contexts", 0.065, making}, // sixteen at a time
		{"running the tasks of a run", 0.08, executing},
	} {
		each := testing.AllocsPerRun(50, c.call(t)) / allocTasks
		t.Logf("%s: %.3f of at most %g", c.what, each, c.most)
		require.LessOrEqual(t, each, c.most, c.what)
	}
}

// making makes a context for each task.
func making(*testing.T) func() {
	var all contexts
	o, task := &origin{client: "client"}, &codec.Task{N: 1, Func: "nop"}
	return func() {
		for range allocTasks {
			all.next().begin(o, task)
		}
	}
}

// executing takes a run, runs its tasks, and sends their outcomes, which somebody
// reads.
func executing(t *testing.T) func() {
	ours, theirs := connect(t)
	board, workers := boards(t)
	w, err := New(Config{Link: theirs, Board: workers, Queues: []string{"queue"}, MaxMessage: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	f := functions{}
	handle(f, "nop", func(_ context.Context, n int) (int, error) { return n, nil })
	w.functions = f
	go func() {
		for {
			if _, err := ours.Receive(); err != nil {
				return // the test is over
			}
		}
	}()

	batch := codec.NewBatch("client", nil)
	for n := range uint64(allocTasks) {
		batch.Add(&codec.Task{N: n, Func: "nop", Arg: []byte{1}})
	}
	payload := link.AppendRun(nil, &link.Run{}, func(dst []byte) []byte { return append(dst, batch.Bytes()...) })
	e := &executor{Worker: w, ctx: context.Background()}
	id := uint64(0)
	return func() {
		id++
		binary.BigEndian.PutUint64(payload, id)
		board.Give(id, allocTasks)
		if err := w.take(link.Frame{Kind: link.KindRun, Payload: payload}); err != nil {
			t.Fatal(err)
		}
		if why := e.take() + e.runTasks(); why != "" {
			t.Fatal(why)
		}
		if board.Look(id, allocTasks).Finished != allocTasks {
			t.Fatal("it has not run")
		}
	}
}
