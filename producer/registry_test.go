package producer

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/transport"
)

func TestRegistry(t *testing.T) {
	t.Parallel()
	r := newRegistry()
	<-r.empty()
	const n = 3*pageSize + 7
	all := make([]*pending, n)
	for i := range all {
		all[i] = &pending{route: &route{load: &load{}}}
		r.add(all[i])
		require.EqualValues(t, i, all[i].n)
	}
	require.Equal(t, n, r.pending())
	require.Equal(t, all, r.all())
	require.Nil(t, r.find(n))
	require.Nil(t, r.take(1<<60))
	idle := r.empty()
	for i, p := range all {
		if i%2 == 0 {
			require.Same(t, p, r.find(p.n))
			require.Same(t, p, r.take(p.n))
		}
		if i%2 == 0 {
			require.Nil(t, r.find(p.n))
			require.Nil(t, r.take(p.n))
		}
	}
	select {
	case <-idle:
		t.Fatal("there are some left")
	default:
	}
	require.Len(t, r.takeAll(), n/2)
	<-idle
	require.Zero(t, r.pending())
	require.Empty(t, r.pages, "nothing is kept")
}

// drain is a transport that takes batches and forgets them.
type drain struct {
	transport.Transport // nothing, for what no test here needs
	to                  transport.Receiver
	local               transport.LocalHost
}

func (d *drain) Open(_ context.Context, _ string, to transport.Receiver) error { d.to = to; return nil }
func (d *drain) Queue(context.Context, string) error                           { return nil }
func (d *drain) Send(_ transport.Batch, stored func(error))                    { go stored(nil) }
func (d *drain) Local() transport.LocalHost                                    { return d.local }
func (d *drain) Cancel(string, []byte) error                                   { return nil }
func (d *drain) MaxPayload() int                                               { return 1 << 20 }
func (d *drain) Close()                                                        {}

var nop = codec.NewFunc[int, int]("nop")

func drained(t testing.TB) (*Client, *drain) {
	d := &drain{}
	c, err := New(context.Background(), d)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := c.CancelPending(t.Context())
		require.NoError(t, err)
		_ = c.Close(context.Background())
	})
	return c, d
}

// A pending future costs at most 200 bytes, its place in the registry included.
func TestBytesPerFuture(t *testing.T) { // alone, since it looks at the heap
	c, _ := drained(t)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const n = 20_000
	futures := make([]*Future[int], n)
	before := heap()
	for i := range futures {
		f, err := Submit(t.Context(), c, nop, i)
		require.NoError(t, err)
		futures[i] = f
	}
	require.NoError(t, c.Flush(t.Context()))
	bytes := float64(heap()-before) / n
	require.LessOrEqual(t, bytes, 200.0)
	require.GreaterOrEqual(t, bytes, 50.0, "the measurement")
	runtime.KeepAlive(futures)
	t.Logf("%.0f bytes", bytes)
}

func BenchmarkRegistry(b *testing.B) {
	for _, live := range []uint64{1, 100_000} {
		b.Run(fmt.Sprint(live, " live"), func(b *testing.B) {
			r, p := newRegistry(), &pending{route: &route{load: &load{}}}
			for range live {
				r.add(p)
			}
			b.ReportAllocs()
			for b.Loop() {
				r.add(p)
				r.take(p.n - live)
			}
		})
	}
}

// BenchmarkFuture is a call from Submit to Result, less the broker and the
// worker.
func BenchmarkFuture(b *testing.B) {
	c, d := drained(b)
	const batch = 1000
	message := codec.NewOutcomes(c.id, nil)
	futures := make([]*Future[int], 0, batch)
	ctx := context.Background()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f, err := Submit(ctx, c, nop, i)
		if err != nil {
			b.Fatal(err)
		}
		message.Add(&codec.Outcome{N: f.n, Value: []byte{1}, Run: 1000})
		if futures = append(futures, f); len(futures) < batch {
			continue
		}
		if _, err := d.to.Outcomes(message.Bytes()); err != nil {
			b.Fatal(err)
		}
		for _, f := range futures {
			if n, err := f.Result(ctx); n != 1 || err != nil {
				b.Fatal(n, err)
			}
		}
		message, futures = codec.NewOutcomes(c.id, nil), futures[:0]
	}
}

func BenchmarkMap(b *testing.B) {
	e := &echo{}
	c, err := New(context.Background(), e)
	require.NoError(b, err)
	e.client = c.id
	defer func() { _ = c.Close(context.Background()) }()
	b.ReportAllocs()
	args := func(yield func(int) bool) {
		for i := 0; b.Loop() && yield(i); i++ {
		}
	}
	if _, err := Collect(Map(context.Background(), c, nop, args)); err != nil {
		b.Fatal(err)
	}
}

// echo is a transport whose tasks come to their arguments at once.
type echo struct {
	drain
	client string
}

func (e *echo) Send(b transport.Batch, stored func(error)) {
	go func() {
		var batch codec.Batch
		if err := batch.Decode(b.Data); err != nil {
			panic(err)
		}
		message := codec.NewOutcomes(e.client, nil)
		for i := range batch.Tasks {
			message.Add(&codec.Outcome{N: batch.Tasks[i].N, Value: batch.Tasks[i].Arg, Run: 1000})
		}
		stored(nil) // from here on the batch's space is the client's
		if _, err := e.to.Outcomes(message.Bytes()); err != nil {
			panic(err)
		}
	}()
}
