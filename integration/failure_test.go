package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/pool"
	"github.com/musterfleet/muster/producer"
)

// Whatever a handler does short of ending the process, its caller hears of it,
// and the same process runs the next task.
func TestHandlerFailures(t *testing.T) {
	s := newStage(t)
	c := s.local(1, pool.MaxValue(1<<20)).Client()
	pid := workerPID(t, s, c)
	for _, test := range []struct {
		manner  string
		code    codec.Code
		is      error
		message string
	}{
		{manner: "error", code: codec.CodeError, message: "no luck"},
		{manner: "empty", code: codec.CodeError},
		{manner: "typed nil", code: codec.CodeError},
		{manner: "panic", code: codec.CodePanic, is: codec.ErrPanic, message: "oh no"},
		{manner: "goexit", code: codec.CodeGoexit, is: codec.ErrGoexit},
		{manner: "channel", code: codec.CodeResult, is: codec.ErrResult, message: "chan int"},
		{manner: "large", code: codec.CodeTooLarge, is: codec.ErrTooLarge, message: "at most"},
		{manner: "nowhere", code: codec.CodePanic, is: codec.ErrPanic, message: "nil pointer"},
	} {
		t.Run(test.manner, func(t *testing.T) {
			f, err := producer.Submit(s.ctx, c, misbehave, test.manner)
			require.NoError(t, err)
			err = f.Err(s.ctx)
			var failure *codec.RemoteError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, test.code, failure.Code)
			require.Contains(t, failure.Message, test.message)
			require.Equal(t, f.ID(), failure.Task)
			require.Equal(t, pid, failure.PID)
			require.Equal(t, 1, failure.Attempt)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			require.Equal(t, pid, workerPID(t, s, c))
		})
	}
}

// Tasks that no handler ever sees.
func TestRefusedTasks(t *testing.T) {
	s := newStage(t)
	c := s.local(1, pool.MaxValue(1<<20)).Client()
	pid := workerPID(t, s, c)

	t.Run("unknown func", func(t *testing.T) {
		f, err := producer.Submit(s.ctx, c, unknown, 1)
		require.NoError(t, err)
		require.ErrorIs(t, f.Err(s.ctx), codec.ErrUnknownFunc)
	})
	t.Run("argument of another type", func(t *testing.T) {
		f, err := producer.Submit(s.ctx, c, codec.NewFunc[string, int]("double"), "two")
		require.NoError(t, err)
		require.ErrorIs(t, f.Err(s.ctx), codec.ErrArgument)
	})
	t.Run("result of another type", func(t *testing.T) {
		f, err := producer.Submit(s.ctx, c, codec.NewFunc[int, string]("double"), 2)
		require.NoError(t, err)
		require.ErrorIs(t, f.Err(s.ctx), codec.ErrDecode)
	})
	t.Run("deadline passed", func(t *testing.T) {
		f, err := producer.Submit(s.ctx, c, double, 1, producer.Deadline(time.Now().Add(-time.Second)))
		require.NoError(t, err)
		require.ErrorIs(t, f.Err(s.ctx), codec.ErrExpired)
	})
	t.Run("argument too large", func(t *testing.T) {
		_, err := producer.Submit(s.ctx, c, misbehave, strings.Repeat("x", 2<<20))
		require.ErrorIs(t, err, codec.ErrTooLarge)
	})
	t.Run("argument that cannot be encoded", func(t *testing.T) {
		_, err := producer.Submit(s.ctx, c, codec.NewFunc[chan int, int]("double"), make(chan int))
		require.ErrorIs(t, err, codec.ErrEncode)
	})
	require.Equal(t, pid, workerPID(t, s, c))
	require.Zero(t, c.Pending())
}

// workerPID asks the only worker process for its id.
func workerPID(t *testing.T, s *stage, c *producer.Client) int {
	t.Helper()
	f, err := producer.Submit(s.ctx, c, codec.NewFunc[string, int](misbehave.Name()), "pid")
	require.NoError(t, err)
	pid, err := f.Result(s.ctx)
	require.NoError(t, err)
	return pid
}
