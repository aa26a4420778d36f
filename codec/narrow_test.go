package codec_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

type holds[T any] struct {
	N T `msgpack:"n"`
}

// narrows checks that v is refused wherever a T may stand, as a plain T is.
func narrows[T comparable, S any](t *testing.T, v S, why string) {
	t.Helper()
	type named struct{ N T }
	misfits[T](t, v, why)
	misfits[*T](t, v, why)
	if reflect.TypeFor[T]().Kind() != reflect.Uint8 { // those are bytes
		misfits[[]T](t, []S{v}, "element 0: "+why)
		misfits[[1]T](t, [1]S{v}, "element 0: "+why)
	}
	misfits[map[string]T](t, map[string]S{"k": v}, "key k: "+why)
	misfits[map[string]*T](t, map[string]S{"k": v}, "key k: "+why)
	misfits[map[string][]*T](t, map[string][]S{"k": {v}}, "key k: element 0: "+why)
	misfits[holds[T]](t, holds[S]{v}, "field n: "+why)
	misfits[*holds[*T]](t, holds[S]{v}, "field n: "+why)
	misfits[holds[named]](t, holds[struct{ N S }]{struct{ N S }{v}}, "field n: field N: "+why)
	misfits[map[T]int](t, map[any]int{v: 1}, "a key: "+why)
}

func misfits[T, S any](t *testing.T, v S, why string) {
	t.Helper()
	data, err := codec.AppendValue(nil, v)
	require.NoError(t, err)
	got, err := codec.Value[T](data)
	require.EqualError(t, err, "codec: value does not decode: "+why)
	require.ErrorIs(t, err, codec.ErrDecode)
	require.Zero(t, got)
}

func TestNarrowerNumbersRefuse(t *testing.T) {
	t.Parallel()
	narrows[int8](t, 128, "128 is out of range; use -128 to 127")
	narrows[int8](t, -129, "-129 is out of range; use -128 to 127")
	narrows[int8](t, uint64(math.MaxUint64), "18446744073709551615 is out of range; use -128 to 127")
	narrows[int16](t, 1<<15, "32768 is out of range; use -32768 to 32767")
	narrows[int32](t, int64(-1<<31-1), "-2147483649 is out of range; use -2147483648 to 2147483647")
	narrows[int64](t, uint64(1<<63), "9223372036854775808 is out of range; use -9223372036854775808 to 9223372036854775807")
	narrows[time.Duration](t, uint64(1<<63), "9223372036854775808 is out of range; use -9223372036854775808 to 9223372036854775807")
	narrows[uint8](t, -1, "-1 is out of range; use 0 to 255")
	narrows[level](t, 256, "256 is out of range; use 0 to 255")
	narrows[uint16](t, 1<<16, "65536 is out of range; use 0 to 65535")
	narrows[uint32](t, int64(1<<32), "4294967296 is out of range; use 0 to 4294967295")
	narrows[uint64](t, math.MinInt64, "-9223372036854775808 is out of range; use 0 to 18446744073709551615")
	narrows[float64](t, 1<<53+1, "the integer 9007199254740993 is not exact as a float of 64 bits")
	narrows[float64](t, uint64(math.MaxUint64), "the integer 18446744073709551615 is not exact as a float of 64 bits")
	narrows[float64](t, math.MaxInt64, "the integer 9223372036854775807 is not exact as a float of 64 bits")
	narrows[float32](t, 1<<24+1, "the integer 16777217 is not exact as a float of 32 bits")
	narrows[float32](t, 0.1, "0.1 is not exact as a float of 32 bits; use one of 64")
	narrows[celsius](t, -1<<53-1, "the integer -9007199254740993 is not exact as a float of 64 bits")
	narrows[float32](t, math.MaxFloat64, "1.7976931348623157e+308 is not exact as a float of 32 bits; use one of 64")
	narrows[int](t, 1.5, "a float where an integer belongs")
	narrows[int](t, 7.0, "a float where an integer belongs")
	narrows[int](t, "5", "a string where an integer belongs")
	narrows[bool](t, 1, "an integer where a boolean belongs")
	narrows[string](t, 1, "an integer where a string belongs")
	misfits[[]int8](t, []int64{300, -129, 1 << 40}, "element 0: 300 is out of range; use -128 to 127")
	misfits[[2]int](t, []int{1, 2, 3}, "3 elements where 2 belong")
	misfits[[3]int](t, [2]int{1, 2}, "2 elements where 3 belong")
	misfits[[3]byte](t, []byte{1, 2}, "2 bytes where 3 belong")
}

func TestWiderNumbersTake(t *testing.T) {
	t.Parallel()
	takes(t, []int8{-128, 127}, []int64{-128, 127})
	takes(t, holds[uint8]{255}, holds[int]{255})
	takes(t, map[string]int64{"a": 1 << 53}, map[string]float64{"a": 1 << 53})
	takes(t, []uint64{1 << 63}, []float64{1 << 63})
	takes(t, []float64{0.5, math.Inf(1), -1 << 24}, []float32{0.5, float32(math.Inf(1)), -1 << 24})
	takes(t, []float32{0.1}, []float64{float64(float32(0.1))})
	takes(t, holds[*int16]{}, holds[int8]{})
}

func takes[S, T any](t *testing.T, sent S, want T) {
	t.Helper()
	data, err := codec.AppendValue(nil, sent)
	require.NoError(t, err)
	got, err := codec.Value[T](data)
	require.NoError(t, err)
	require.Equal(t, want, got)
}
