package codec_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

type (
	hidden    struct{ x int }
	hiddenInt int
	selfPtr   *selfPtr
	ptrA      *ptrB
	ptrB      *ptrA
	EmbedSelf struct {
		*EmbedSelf
		X int
	}
	EmbedLoop1 struct{ *EmbedLoop2 }
	EmbedLoop2 struct {
		*EmbedLoop1
		X int
	}
	selfSlice []selfSlice
)

func TestTypesThatCannotCross(t *testing.T) {
	t.Parallel()
	cannot[chan int](t)
	cannot[func()](t)
	cannot[uintptr](t)
	cannot[complex128](t)
	cannot[*chan int](t)
	cannot[[]func()](t)
	cannot[[2]chan int](t)
	cannot[map[string]chan int](t)
	cannot[map[chan int]string](t)
	cannot[struct{ C chan int }](t)
	cannot[struct{ A []map[int]*struct{ F func() } }](t)
	cannot[hidden](t)
	cannot[*hidden](t)
	cannot[[]hidden](t)
	cannot[map[string]hidden](t)
	cannot[struct{ H hidden }](t)
	cannot[struct{ hiddenInt }](t)
	cannot[struct{ *inner }](t)
	cannot[io.Reader](t)
	cannot[struct{ R fmt.Stringer }](t)
	cannot[selfPtr](t)
	cannot[ptrA](t)
	cannot[[]ptrA](t)
	cannot[EmbedSelf](t)
	cannot[EmbedLoop1](t)
	cannot[struct{ L []EmbedLoop2 }](t)

	_, err := codec.AppendValue[any](nil, hidden{1})
	require.ErrorIs(t, err, codec.ErrEncode)
	_, err = codec.AppendValue[any](nil, make(chan int))
	require.ErrorIs(t, err, codec.ErrEncode)
	_, err = codec.AppendValue[any](nil, []any{func() {}})
	require.ErrorIs(t, err, codec.ErrEncode)
}

// cannot checks that not even a zero T is encoded or decoded, again and again.
func cannot[T any](t *testing.T) {
	t.Helper()
	for range 2 {
		var zero T
		out, err := codec.AppendValue([]byte("before"), zero)
		require.ErrorIs(t, err, codec.ErrEncode)
		require.Equal(t, "before", string(out))
		for _, data := range []string{"\xc0", "\x80", "\x90", "\x91\x90"} {
			_, err = codec.Value[T]([]byte(data))
			require.ErrorIs(t, err, codec.ErrDecode)
		}
	}
}

func TestTypesThatCross(t *testing.T) {
	t.Parallel()
	same(t, selfSlice{{}, {{}, nil}})
	same(t, struct {
		C chan int `msgpack:"-"`
		X int
	}{X: 1})
	same(t, struct {
		inner
		io.Reader `msgpack:"-"`
	}{inner: inner{1, "b"}})
	same(t, struct {
		x int
		Y **int
	}{})
}
