package codec_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestFuncNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"f", "is_prime", "img/resize.v2-b", "A9", strings.Repeat("n", codec.MaxName)} {
		f := codec.NewFunc[int, int](name)
		require.NoError(t, f.Check())
		require.Equal(t, name, f.Name())
	}
	for _, name := range []string{"", " ", "a b", "a\n", "ä", "a*", "a>", "a\x00", "\xff", strings.Repeat("n", codec.MaxName+1), strings.Repeat("n", 1<<20)} {
		err := codec.NewFunc[int, int](name).Check()
		require.ErrorIs(t, err, codec.ErrName)
		require.Less(t, len(err.Error()), 1000)
	}
}

func TestFuncValues(t *testing.T) {
	t.Parallel()
	f := codec.NewFunc[[]string, map[string]int]("count")
	data, err := f.AppendArg([]byte("before"), []string{"a", "b"})
	require.NoError(t, err)
	arg, err := f.Arg(data[len("before"):])
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, arg)

	data, err = f.AppendResult(nil, map[string]int{"a": 1})
	require.NoError(t, err)
	result, err := f.Result(data)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"a": 1}, result)

	_, err = f.Arg(data)
	require.ErrorIs(t, err, codec.ErrDecode)
	_, err = codec.NewFunc[chan int, func()]("f").AppendArg(nil, nil)
	require.ErrorIs(t, err, codec.ErrEncode)
	_, err = codec.NewFunc[chan int, func()]("f").AppendResult(nil, nil)
	require.ErrorIs(t, err, codec.ErrEncode)
}
