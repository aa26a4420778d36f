//go:build !race

// The race detector allocates too, so nothing here is counted under it.

package producer

import (
	"context"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

// allocTasks is how many tasks are counted together: what comes once for a batch
// or a page of the registry falls on all of its tasks.
const allocTasks = 8 * pageSize

// What a task may allocate in the client. A number may be lowered; who raises one
// must say what it is worth.
func TestAllocations(t *testing.T) {
	for _, c := range []struct {
		what string
		most float64 // allocations for each task
		call func(t *testing.T) func()
	}{
		{"registering and settling", 0.01, registering},
		{"submitting", 1.05, submitting},
		{"from Submit to Result", 1.1, awaiting},
		{"an item of Map", 0.1, overIntegers},
	} {
		t.Run(c.what, func(t *testing.T) {
			each := testing.AllocsPerRun(50, c.call(t)) / allocTasks
			t.Logf("%.3f of at most %g", each, c.most)
			require.LessOrEqual(t, each, c.most)
		})
	}
}

// A million of them pending is what clients may have.
func TestSizeOfFutures(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Future[int]{}), uintptr(128))
	require.LessOrEqual(t, unsafe.Sizeof(mapped[int]{}), uintptr(136))
}

// registering adds futures to a registry, and takes them out in another order.
func registering(*testing.T) func() {
	r := newRegistry()
	futures := make([]pending, allocTasks)
	common := &route{load: &load{}}
	for i := range futures {
		futures[i].route = common
	}
	return func() {
		for i := range futures {
			r.add(&futures[i])
		}
		for i := range slices.Backward(futures) {
			r.take(futures[i].n)
		}
	}
}

// quick returns a client that knows that nop is quick, so that its tasks share
// batches.
func quick(t testing.TB) (*Client, *drain) {
	c, d := drained(t)
	f, err := Submit(t.Context(), c, nop, 0)
	require.NoError(t, err)
	settleAll(t, c, d, []*Future[int]{f})
	return c, d
}

// submitting submits calls and has their batches stored. What settles them is
// not counted by itself: see awaiting.
func submitting(t *testing.T) func() {
	c, _ := quick(t)
	ctx := t.Context()
	return func() {
		for i := range allocTasks {
			if _, err := Submit(ctx, c, nop, i); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// awaiting is a call from Submit to Result, less the broker and the worker.
func awaiting(t *testing.T) func() {
	c, d := quick(t)
	ctx := t.Context()
	futures := make([]*Future[int], allocTasks)
	return func() {
		for i := range futures {
			f, err := Submit(ctx, c, nop, i)
			if err != nil {
				t.Fatal(err)
			}
			futures[i] = f
		}
		settleAll(t, c, d, futures)
		for _, f := range futures {
			if n, err := f.Result(ctx); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
	}
}

// settleAll settles futures with outcomes in messages of a thousand.
func settleAll(t testing.TB, c *Client, d *drain, futures []*Future[int]) {
	for some := range slices.Chunk(futures, 1000) {
		message := codec.NewOutcomes(c.id, nil)
		for _, f := range some {
			message.Add(&codec.Outcome{N: f.n, Value: []byte{1}, Run: 1000})
		}
		if _, err := d.to.Outcomes(message.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
}

// overIntegers maps over integers. Its transport decodes each task and encodes its
// outcome, which counts.
func overIntegers(t *testing.T) func() {
	e := &echo{}
	c, err := New(t.Context(), e)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	e.client = c.id
	args := func(yield func(int) bool) {
		for i := range allocTasks {
			if !yield(i) {
				return
			}
		}
	}
	return func() {
		for _, err := range Map(t.Context(), c, nop, args) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// BenchmarkBatcher submits calls and has their batches stored.
func BenchmarkBatcher(b *testing.B) {
	c, _ := quick(b)
	ctx := context.Background()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := Submit(ctx, c, nop, i); err != nil {
			b.Fatal(err)
		}
	}
}
