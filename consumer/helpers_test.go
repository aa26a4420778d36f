package consumer

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/link"
)

// gate is a handler that waits for the test.
type gate struct {
	began chan int
	open  chan struct{} // takes one task at a time
}

// newGate adds the handler "wait", whose result is its argument.
func newGate(t testing.TB, f functions) *gate {
	g := &gate{began: make(chan int, 64), open: make(chan struct{})}
	handle(f, "wait", func(ctx context.Context, n int) (int, error) {
		g.began <- n
		select {
		case <-g.open:
			return n, ctx.Err()
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-t.Context().Done():
			return 0, errors.New("the test is over")
		}
	})
	return g
}

// square adds the handler "square", which does not like some numbers.
func square(f functions) {
	handle(f, "square", func(_ context.Context, n int) (int, error) {
		switch n {
		case -1:
			return 0, errors.New("below zero")
		case -2:
			return 0, codec.Final(errors.New("far below zero"))
		case -3:
			panic("much too far")
		case -4:
			runtime.Goexit()
		}
		return n * n, nil
	})
}

// call returns a task.
func call(name string, arg any) codec.Task {
	data, err := codec.AppendValue(nil, arg)
	if err != nil {
		panic(err)
	}
	return codec.Task{Func: name, Arg: data}
}

// calls returns a task for each argument.
func calls(name string, args ...int) (all []codec.Task) {
	for _, n := range args {
		all = append(all, call(name, n))
	}
	return all
}

func requireValue[T any](t testing.TB, want T, o link.Outcome) {
	t.Helper()
	if o.Status == link.StatusFailure || o.Status == link.StatusFinal {
		require.Fail(t, "a failure", "%+v", codec.ReadFailure(o.Body))
	}
	require.Equal(t, link.StatusValue, o.Status)
	got, err := codec.Value[T](o.Body)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func requireFailure(t testing.TB, code codec.Code, o link.Outcome) *codec.Failure {
	t.Helper()
	require.Equal(t, link.StatusFailure, o.Status)
	failure := codec.ReadFailure(o.Body)
	require.Equal(t, code, failure.Code, "%+v", failure)
	return failure
}
