//go:build !race

// The race detector allocates too, so nothing here is counted under it.

package consumer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/scoreboard"
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
		{"reading a delivery", 0.01, reading},
		{"collecting outcomes", 0.05, collecting},
		{"making contexts", 0.065, making}, // sixteen at a time
	} {
		each := testing.AllocsPerRun(50, c.call(t)) / allocTasks
		t.Logf("%s: %.3f of at most %g", c.what, each, c.most)
		require.LessOrEqual(t, each, c.most, c.what)
	}
}

// reading decodes the batches of deliveries in space that is used again.
func reading(t *testing.T) func() {
	batch := codec.NewBatch("client", nil)
	for n := range uint64(allocTasks) {
		batch.Add(&codec.Task{N: n, Func: "nop", Arg: []byte{1}})
	}
	data := batch.Bytes()
	return func() {
		d := &delivery{}
		if err := d.decode(data); err != nil {
			t.Fatal(err)
		}
		d.release()
	}
}

// collecting fills messages of outcomes, which are dropped instead of sent.
func collecting(*testing.T) func() {
	o, now := newOutbox(nil), time.Now()
	d := &delivery{batch: codec.Batch{Client: "client"}, slot: &scoreboard.Slot{}}
	return func() {
		for n := range uint64(allocTasks) {
			o.add(d, &codec.Outcome{N: n, Value: []byte{1}, Run: 1000}, now, nil)
		}
		o.out, o.counts = nil, nil
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
