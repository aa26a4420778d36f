package conformance

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/producer"
)

// parcel is a value that is worth letting go of.
type parcel struct {
	N    int
	Data []byte
}

// Numbers with hooks: what is sent of them is the number plus five, and times
// seven.
type (
	plusFive   int
	timesSeven int
)

func (n plusFive) EncodeMsgpack(e *msgpack.Encoder) error   { return e.EncodeInt(int64(n) + 5) }
func (n timesSeven) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeInt(int64(n) * 7) }

var (
	keep      = codec.NewFunc[*parcel, *parcel]("S.keep")
	kept      = codec.NewFunc[struct{}, int]("S.kept")
	methods   = codec.NewFunc[plusFive, timesSeven]("S.methods")
	unhooked  = codec.NewFunc[int, int]("S.unhooked")
	echoBytes = codec.NewFunc[[]byte, []byte]("S.echo")
	hooked    = codec.NewFunc[int, int]("S.hooked",
		codec.WithTransform(onNumber(func(n int) int { return n + 5 }), onNumber(func(n int) int { return n })),
		codec.WithTransform(onNumber(func(n int) int { return n }), onNumber(func(n int) int { return n * 7 })))

	parcels []weak.Pointer[parcel] // arguments and results of keep in this process
)

func init() {
	consumer.Handle(keep, func(_ context.Context, in *parcel) (*parcel, error) {
		out := &parcel{N: in.N + 1, Data: in.Data}
		parcels = append(parcels, weak.Make(in), weak.Make(out))
		return out, nil
	})
	consumer.Handle(kept, func(context.Context, struct{}) (held int, err error) {
		if len(parcels) == 0 {
			return 0, fmt.Errorf("nothing was ever kept here")
		}
		runtime.GC()
		for _, p := range parcels {
			if p.Value() != nil {
				held++
			}
		}
		return held, nil
	})
	consumer.Handle(methods, func(_ context.Context, n plusFive) (timesSeven, error) { return timesSeven(n), nil })
	consumer.Handle(unhooked, func(_ context.Context, n int) (int, error) { return n, nil })
	consumer.Handle(echoBytes, func(_ context.Context, data []byte) ([]byte, error) { return data, nil })
	consumer.Handle(hooked, func(_ context.Context, n int) (int, error) {
		if n != 42 {
			return 0, fmt.Errorf("the handler got %d", n)
		}
		return 1, nil
	})
}

// onNumber is a hook that changes encoded numbers.
func onNumber(change func(int) int) func([]byte) ([]byte, error) {
	return func(data []byte) ([]byte, error) {
		n, err := codec.Value[int](data)
		if err != nil {
			return nil, err
		}
		return codec.AppendValue(nil, change(n))
	}
}

// submitAndForget submits n calls of keep, reads the results of every other, and
// gives whether the process has let go of everything that belonged to them.
func submitAndForget(t *testing.T, c *producer.Client, n int) (gone func() bool) {
	t.Helper()
	var values []weak.Pointer[parcel]
	var futures []weak.Pointer[producer.Future[*parcel]]
	for i := range n {
		arg := &parcel{N: i, Data: make([]byte, 1<<10)}
		f, err := producer.Submit(soon(t), c, keep, arg)
		require.NoError(t, err)
		values, futures = append(values, weak.Make(arg)), append(futures, weak.Make(f))
		if i%2 == 0 {
			result, err := f.Result(soon(t))
			require.NoError(t, err)
			require.Equal(t, i+1, result.N)
			values = append(values, weak.Make(result))
		}
	}
	return func() bool {
		runtime.GC()
		return !slices.ContainsFunc(values, func(p weak.Pointer[parcel]) bool { return p.Value() != nil }) &&
			!slices.ContainsFunc(futures, func(p weak.Pointer[producer.Future[*parcel]]) bool { return p.Value() != nil })
	}
}

func TestValues(t *testing.T) {
	p := start(t, 1)
	c := p.Client()

	// After a task nobody holds on to it: neither the executor, nor the worker.
	t.Run("S3", func(t *testing.T) {
		gone := submitAndForget(t, c, 10)
		eventually(t, func() bool { return c.Pending() == 0 }, "the end of the tasks")
		eventually(t, gone, "the client to let go of futures, arguments and results")
		require.Equal(t, 0, call(t, c, kept, struct{}{}), "values kept in the worker")
	})

	// Hooks of how values are encoded, here +5 and ×7, are applied in the right
	// order, on the way there and on the way back; calls without them are not
	// affected. In Muster hooks belong to the func, in loky to the executor.
	t.Run("S9", func(t *testing.T) {
		other := client(t, 1)
		for range 2 {
			require.Equal(t, 42, call(t, c, hooked, 1))
			require.EqualValues(t, 42, call(t, c, methods, 1))
			require.Equal(t, 1, call(t, c, unhooked, 1))
			require.Equal(t, 1, call(t, other, unhooked, 1))
		}
		wrong, err := producer.Submit(soon(t), c, hooked, 2)
		require.NoError(t, err)
		require.ErrorContains(t, wrong.Err(soon(t)), "the handler got 49")
	})

	// 100 MB come back as they went.
	t.Run("S11", func(t *testing.T) {
		const size = 100 << 20
		data := slices.Repeat([]byte("0123456789abcdef!"), size/17+1)[:size]
		ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
		defer cancel()
		f, err := producer.Submit(ctx, c, echoBytes, data)
		require.NoError(t, err)
		result, err := f.Result(ctx)
		require.NoError(t, err)
		require.Len(t, result, size)
		require.True(t, slices.Equal(data, result))
	})

	// An argument that cannot be encoded is an error of that call alone. In Muster
	// Submit returns it, and no future.
	t.Run("S15", func(t *testing.T) {
		pid := call(t, c, takeTrap, trap{})
		for range 3 {
			f, err := producer.Submit(soon(t), c, takeTrap, trap{At: "encode", How: "error"})
			require.ErrorIs(t, err, codec.ErrEncode)
			require.ErrorIs(t, err, errHarm)
			require.Nil(t, f)
			channel, err := producer.Submit(soon(t), c, codec.NewFunc[chan int, int]("S.channel"), make(chan int))
			require.ErrorIs(t, err, codec.ErrEncode)
			require.Nil(t, channel)
			require.Equal(t, pid, call(t, c, takeTrap, trap{}))
		}
		args := []trap{{}, {At: "encode", How: "error"}, {}}
		var failed []bool
		for got, err := range producer.Map(soon(t), c, takeTrap, slices.Values(args)) {
			failed = append(failed, err != nil)
			if err != nil {
				require.ErrorIs(t, err, codec.ErrEncode)
				continue
			}
			require.Equal(t, pid, got)
		}
		require.Equal(t, []bool{false, true, false}, failed)
		require.Zero(t, c.Pending())
	})
}
