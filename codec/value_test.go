package codec_test

import (
	"errors"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
)

type (
	point struct {
		X, Y int
	}
	inner struct { // not exported, but its fields are
		A int
		B string
	}
	embeds struct {
		inner
		point
		C bool
	}
	Shape struct {
		*Base
		Points []point
	}
	Base struct {
		Name string
	}
	odd struct {
		Ünïcode int
		Tagged  string `msgpack:"with space, and comma"`
		X_      int    `msgpack:"-"`
		Empty   []int  `msgpack:",omitempty"`
		array   int
		Any     any
	}
	asArray struct {
		//lint:ignore U1000 msgpack reads the tag
		_msgpack struct{} `msgpack:",as_array"`
		A        int
		B        []string
	}
	node struct {
		Value int
		Next  *node
	}
	tree     map[string]tree
	celsius  float64
	level    uint8
	withErr  struct{ Err error }
	optional struct {
		N *int
		S *string
	}
)

// same checks that v crosses the wire unchanged.
func same[T any](t *testing.T, v T) {
	t.Helper()
	becomes(t, v, v)
}

// becomes checks that v crosses the wire and then is want.
func becomes[T any](t *testing.T, v, want T) {
	t.Helper()
	data, err := codec.AppendValue([]byte("before"), v)
	require.NoError(t, err)
	require.Equal(t, "before", string(data[:6]))
	got, err := codec.Value[T](data[6:])
	require.NoError(t, err, "%x", data[6:])
	require.Equal(t, want, got)
}

func TestNumbersRoundTrip(t *testing.T) {
	t.Parallel()
	for shift := range 64 {
		for _, v := range []int64{1 << shift, 1<<shift - 1, -1 << shift, -1<<shift - 1, -(1 << shift) + 1} {
			same(t, v)
			same(t, int(v))
			same(t, int32(v))
			same(t, int16(v))
			same(t, int8(v))
			same(t, uint64(v))
			same(t, uint(v))
			same(t, uint32(v))
			same(t, uint16(v))
			same(t, uint8(v))
			same(t, level(v))
			same(t, time.Duration(v))
			same(t, float64(v))
			same(t, float32(v))
			same(t, &v)
		}
	}
	for _, f := range []float64{0, -0.5, math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64} {
		same(t, f)
		same(t, float32(f))
		same(t, celsius(f))
		same(t, []float64{f})
	}
	same(t, true)
	same(t, false)

	data, err := codec.AppendValue(nil, math.NaN())
	require.NoError(t, err)
	f, err := codec.Value[float64](data)
	require.NoError(t, err)
	require.True(t, math.IsNaN(f))
	negative, err := codec.AppendValue(nil, math.Copysign(0, -1))
	require.NoError(t, err)
	f, err = codec.Value[float64](negative)
	require.NoError(t, err)
	require.True(t, math.Signbit(f))
}

func TestValuesRoundTrip(t *testing.T) {
	t.Parallel()
	same(t, "")
	same(t, "naïve \x00 \xff")
	same(t, strings.Repeat("s", 70_000))
	same(t, []byte(nil))
	same(t, []byte{})
	same(t, make([]byte, 70_000))
	same(t, [4]byte{1, 2})
	same(t, [2]string{"a"})
	same(t, []string(nil))
	same(t, []string{})
	same(t, []int(nil))
	same(t, []int{})
	same(t, make([]uint64, 70_000))
	same(t, map[string]int(nil))
	same(t, map[string]int{})
	same(t, map[int]string{-1: "a", 1 << 30: "b"})
	same(t, map[level][]point{3: {{1, 2}, {}}})
	same(t, map[netip.Addr]bool{netip.MustParseAddr("::1"): true})
	same(t, struct{}{})
	same(t, point{})
	same(t, &point{1, -2})
	same(t, (*point)(nil))
	same(t, []*point{nil, {1, 2}})
	same(t, optional{})
	same(t, embeds{inner: inner{1, "b"}, C: true})
	same(t, Shape{Base: &Base{"n"}, Points: []point{{1, 2}}})
	same(t, odd{Ünïcode: 1, Tagged: "t", Any: int64(5)})
	becomes(t, odd{X_: 5, array: 6}, odd{})
	same(t, asArray{A: 1, B: []string{"b"}})
	same(t, &node{1, &node{2, nil}})
	same(t, tree{"a": tree{"b": nil}, "c": {}})
	same(t, []tree{{}})
	same(t, codec.ID{Client: client, N: 5})
	same(t, msgpack.RawMessage{0x91, 0xc0})
	same(t, struct{ R msgpack.RawMessage }{msgpack.RawMessage{0xc3}})
}

func TestSelfEncodersRoundTrip(t *testing.T) {
	t.Parallel()
	large, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	same(t, large)
	same(t, *large)
	same(t, big.Int{})
	same(t, (*big.Int)(nil))
	same(t, []*big.Int{large, nil})
	same(t, struct{ N big.Int }{*large})

	for _, at := range []time.Time{{}, time.Unix(1, 2), time.Unix(-1, 999_999_999), time.Unix(1<<40, 0), time.Unix(0xdfffffff, 0)} {
		data, err := codec.AppendValue(nil, at)
		require.NoError(t, err)
		got, err := codec.Value[time.Time](data)
		require.NoError(t, err)
		require.True(t, at.Equal(got), at)
		require.Equal(t, at.IsZero(), got.IsZero())
	}
}

func TestAnyRoundTrip(t *testing.T) {
	t.Parallel()
	same[any](t, nil)
	same[any](t, int64(-5))
	same[any](t, uint64(1<<64-1))
	same[any](t, 1.5)
	same[any](t, "s")
	same[any](t, true)
	same[any](t, []any{int64(1), nil, "a", []any{}})
	same[any](t, map[string]any{"a": map[string]any{"b": []any{map[string]any{}}}})
	same(t, map[string]any(nil))
	same(t, []any{nil})
	becomes[any](t, []byte("ab"), "ab")
	becomes[any](t, 5, int64(5))
	becomes[any](t, 200, int64(200))
	becomes[any](t, point{1, 2}, map[string]any{"X": int64(1), "Y": int64(2)})
	becomes[any](t, (*point)(nil), nil)
}

func TestErrorsCrossAsText(t *testing.T) {
	t.Parallel()
	same(t, withErr{})
	same[error](t, nil)
	becomes(t, withErr{&time.ParseError{Value: "v", Message: ": x"}}, withErr{errors.New("parsing time \"v\": x")})
	same[error](t, errors.New("text"))
	same(t, []error{errors.New("a"), nil})
}

// What the library would cut without a word must be an error.
func TestNumberOutOfRange(t *testing.T) {
	t.Parallel()
	refuse[int8](t, 128)
	refuse[int8](t, -129)
	refuse[int16](t, 1<<15)
	refuse[int32](t, int64(-1<<31-1))
	refuse[int](t, uint64(1<<63))
	refuse[int64](t, uint64(1<<64-1))
	refuse[uint8](t, 256)
	refuse[uint8](t, -1)
	refuse[uint16](t, 1<<16)
	refuse[uint32](t, int64(1<<32))
	refuse[uint](t, -1)
	refuse[uint64](t, -1)
}

func TestWrongType(t *testing.T) {
	t.Parallel()
	refuse[int](t, "5")
	refuse[int](t, 1.5)
	refuse[int](t, []int{1})
	refuse[string](t, 5)
	refuse[bool](t, 1)
	refuse[float64](t, "1")
	refuse[[]int](t, map[string]int{})
	refuse[map[string]int](t, []int{1})
	refuse[point](t, "x")
	refuse[point](t, []int{1, 2, 3})
	refuse[[2]int](t, []int{1, 2, 3})
	refuse[time.Time](t, true)
	refuse[*big.Int](t, "not a number")
	refuse[error](t, 5)
	refuse[map[any]int](t, map[any]int{[1]int{1}: 1}) // an array as a key decodes as a slice

}

// refuse checks that an encoded v does not decode into a T.
func refuse[T any](t *testing.T, v any) {
	t.Helper()
	data, err := msgpack.Marshal(v)
	require.NoError(t, err)
	got, err := codec.Value[T](data)
	require.ErrorIs(t, err, codec.ErrDecode)
	require.Zero(t, got)
}

// Clients in other languages choose other encodings of the same value.
func TestOtherEncodingsOfScalars(t *testing.T) {
	t.Parallel()
	decodes(t, 0, "\xc0")
	decodes(t, uint8(5), "\xcf\x00\x00\x00\x00\x00\x00\x00\x05")
	decodes(t, uint8(5), "\xd3\x00\x00\x00\x00\x00\x00\x00\x05")
	decodes(t, int8(-5), "\xd1\xff\xfb")
	decodes(t, -1<<31, "\xd2\x80\x00\x00\x00")
	decodes(t, "ab", "\xc4\x02ab")
	decodes(t, []byte("ab"), "\xa2ab")
	decodes(t, []byte("ab"), "\xd9\x02ab")
	decodes(t, 1.5, "\xca\x3f\xc0\x00\x00")
	decodes(t, 7.0, "\x07")
	decodes(t, false, "\xc0")
	decodes(t, "", "\xc0")
}

func decodes[T any](t *testing.T, want T, data string) {
	t.Helper()
	got, err := codec.Value[T]([]byte(data))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// What is encoded without the library is what the library would have written.
func TestScalarsAsTheLibraryWrites(t *testing.T) {
	t.Parallel()
	for shift := range 64 {
		for _, v := range []int64{1 << shift, 1<<shift - 1, -1 << shift, -1<<shift - 1} {
			asLibrary(t, int(v))
			asLibrary(t, v)
			asLibrary(t, int32(v))
			asLibrary(t, uint(v))
			asLibrary(t, uint64(v))
			asLibrary(t, uint32(v))
			asLibrary(t, float64(v))
		}
	}
	asLibrary(t, true)
	asLibrary(t, false)
	asLibrary(t, []byte(nil))
	for _, n := range []int{0, 31, 32, 255, 256, 1<<16 - 1, 1 << 16} {
		asLibrary(t, strings.Repeat("x", n))
		asLibrary(t, make([]byte, n))
	}
}

func asLibrary[T any](t *testing.T, v T) {
	t.Helper()
	var want strings.Builder
	e := msgpack.NewEncoder(&want)
	e.UseCompactInts(true)
	require.NoError(t, e.Encode(v))
	got, err := codec.AppendValue(nil, v)
	require.NoError(t, err)
	require.Equal(t, []byte(want.String()), got)
}
