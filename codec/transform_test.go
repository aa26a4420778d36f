package codec_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

// flip changes bytes in place, and changes them back.
func flip(data []byte) ([]byte, error) {
	for i := range data {
		data[i] ^= 0xff
	}
	return data, nil
}

// tagged puts a tag in front of the bytes, and wants it there.
func tagged(tag byte) codec.FuncOption {
	seal := func(data []byte) ([]byte, error) { return append([]byte{tag}, data...), nil }
	open := func(data []byte) ([]byte, error) {
		if len(data) == 0 || data[0] != tag {
			return nil, errOther
		}
		return data[1:], nil
	}
	return codec.WithTransform(seal, open)
}

func TestTransformsNest(t *testing.T) {
	t.Parallel()
	f := codec.NewFunc[int, string]("f", tagged('a'), codec.WithTransform(flip, flip), tagged('b'))
	require.NoError(t, f.Check())
	dst := make([]byte, 6, 1000)
	copy(dst, "before")
	arg, err := f.AppendArg(dst, 1)
	require.NoError(t, err)
	require.Equal(t, []byte{'b', 'a' ^ 0xff, 1 ^ 0xff}, arg[6:])
	result, err := f.AppendResult(arg, "ok")
	require.NoError(t, err)
	require.Equal(t, "before", string(result[:6]))
	for range 2 { // what opens in place does not spoil what it was given
		n, err := f.Arg(result[6:len(arg)])
		require.NoError(t, err)
		require.Equal(t, 1, n)
		text, err := f.Result(result[len(arg):])
		require.NoError(t, err)
		require.Equal(t, "ok", text)
		text, err = codec.OpenValue[string](f.Spec(), result[len(arg):])
		require.NoError(t, err)
		require.Equal(t, "ok", text)
	}

	swapped := codec.NewFunc[int, string]("f", tagged('b'), codec.WithTransform(flip, flip), tagged('a'))
	_, err = swapped.Arg(arg[6:])
	require.ErrorIs(t, err, codec.ErrDecode)
	require.ErrorIs(t, err, errOther)
	plain, err := codec.NewFunc[int, string]("f").AppendArg(nil, 1)
	require.NoError(t, err)
	require.Equal(t, []byte{1}, plain, "other funcs are not concerned")
}

func TestTransformsThatFail(t *testing.T) {
	t.Parallel()
	works := func(data []byte) ([]byte, error) { return data, nil }
	for name, fails := range map[string]func([]byte) ([]byte, error){
		"error": func(data []byte) ([]byte, error) { _, _ = flip(data); return data, errOther },
		"panic": func([]byte) ([]byte, error) { panic(hostile{}) },
		"slice": func(data []byte) ([]byte, error) { return data[len(data)+1:], nil },
	} {
		seals := codec.NewFunc[int, int]("f", codec.WithTransform(fails, works))
		out, err := seals.AppendArg([]byte("before"), 1)
		require.ErrorIs(t, err, codec.ErrEncode, name)
		require.Equal(t, "before", string(out), name)
		_, err = seals.AppendResult(nil, 1)
		require.ErrorIs(t, err, codec.ErrEncode, name)
		require.Equal(t, name == "error", errors.Is(err, errOther), name)

		opens := codec.NewFunc[int, int]("f", codec.WithTransform(works, fails))
		data := []byte{1}
		_, err = opens.Arg(data)
		require.ErrorIs(t, err, codec.ErrDecode, name)
		_, err = opens.Result(data)
		require.ErrorIs(t, err, codec.ErrDecode, name)
		require.Equal(t, name == "error", errors.Is(err, errOther), name)
		require.Equal(t, []byte{1}, data)
	}
	nothing := codec.NewFunc[int, int]("f", codec.WithTransform(works, func([]byte) ([]byte, error) { return nil, nil }))
	_, err := nothing.Arg([]byte{1})
	require.ErrorIs(t, err, codec.ErrDecode)
	_, err = codec.NewFunc[chan int, int]("f", codec.WithTransform(works, works)).AppendArg(nil, nil)
	require.ErrorIs(t, err, codec.ErrEncode)
}

// Error values are sealed like results; their text is not.
func TestErrorValuesAreTransformed(t *testing.T) {
	t.Parallel()
	f := codec.NewFunc[int, int]("f", codec.WithTransform(flip, flip), codec.WithErrorType[*needy]())
	failure := f.Failure(&needy{"secret"})
	require.False(t, bytes.Contains(failure.Values[0].Data, []byte("secret")))
	got, ok := errors.AsType[*needy](crossed(t, f, &needy{"secret"}))
	require.True(t, ok)
	require.Equal(t, "secret", got.Text)

	closed := codec.NewFunc[int, int]("f", codec.WithErrorType[*needy](), codec.WithTransform(
		func([]byte) ([]byte, error) { return nil, errOther }, flip))
	seen := crossed(t, closed, &needy{"text"})
	require.EqualError(t, seen, "text")
	require.False(t, errors.As(seen, new(*needy)))
}
