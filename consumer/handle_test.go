package consumer

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
)

func TestRunTurnsPanicsIntoFailures(t *testing.T) {
	t.Parallel()
	h := typed(codec.NewFunc[int, int]("f"), func(_ context.Context, n int) (int, error) {
		switch n {
		case 0:
			panic("no zero")
		case 1:
			return 0, errors.New("no one")
		case 2:
			var err *nilError
			return 0, err
		}
		return n * n, nil
	})
	for n, want := range []codec.Code{codec.CodePanic, codec.CodeError, "", ""} {
		arg, err := codec.AppendValue(nil, n)
		require.NoError(t, err)
		out, failure := h.run(context.Background(), nil, argument{data: arg})
		switch {
		case n == 2:
			require.NotNil(t, failure, "a typed nil is a failure")
		case want == "":
			require.Nil(t, failure)
			square, err := codec.Value[int](out.Bytes())
			require.NoError(t, err)
			require.Equal(t, n*n, square)
		default:
			require.NotNil(t, failure)
			require.Equal(t, want, failure.Code)
		}
	}
	_, failure := h.run(context.Background(), nil, argument{data: []byte{0xc1}})
	require.Equal(t, codec.CodeArgument, failure.Code)
}

type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func TestHandleRefusesProgramsThatCannotWork(t *testing.T) {
	f := codec.NewFunc[int, int]("consumer.test.twice")
	square := func(_ context.Context, n int) (int, error) { return n * n, nil }
	Handle(f, square)
	t.Cleanup(func() { delete(registered.m, f.Name()) })
	require.Contains(t, Handled(), f.Name())
	require.Panics(t, func() { Handle(f, square) })
	require.Panics(t, func() { Handle(codec.NewFunc[int, int]("bad name"), square) })
	require.Panics(t, func() { Handle(codec.NewFunc[int, int]("consumer.test.nil"), nil) })

	arg, err := f.AppendArg(nil, 3)
	require.NoError(t, err)
	require.NoError(t, Call(context.Background(), f.Name(), arg))
	require.ErrorIs(t, Call(context.Background(), "consumer.test.none", arg), codec.ErrUnknownFunc)
}

func TestWorkerNeedsAHandler(t *testing.T) {
	all := registered.m
	t.Cleanup(func() { registered.m = all })
	registered.m = nil
	_, err := New(Config{})
	require.ErrorIs(t, err, ErrNoHandlers)
}
