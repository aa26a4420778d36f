package conformance

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
	"github.com/musterfleet/muster/producer"
)

var errInner = errors.New("the cause inside")

// argued is an error with arguments, which knows the line it was made on.
type argued struct {
	Code int
	Args []string
	line string
}

func (e *argued) Error() string { return fmt.Sprint("argued ", e.Code, e.Args) }

func (e *argued) Format(s fmt.State, verb rune) {
	_, _ = fmt.Fprint(s, e.Error())
	if verb == 'v' && s.Flag('+') {
		_, _ = fmt.Fprint(s, "\n", e.line)
	}
}

// frozen is an error that nobody can change: it says itself how it crosses.
type frozen struct{ code uint16 }

func (e frozen) Error() string { return fmt.Sprint("frozen ", e.code) }
func (e frozen) MarshalBinary() ([]byte, error) {
	return binary.BigEndian.AppendUint16(nil, e.code), nil
}
func (e *frozen) UnmarshalBinary(b []byte) error { e.code = binary.BigEndian.Uint16(b); return nil }

// hollow is an error with nothing in it: as a value, and as a pointer that may
// be nil.
type hollow struct{}

func (*hollow) Error() string { return "" }

// zero is an error that is its type's zero value.
type zero int

func (zero) Error() string { return "zero" }

// failures are errors of a handler.
var failures = map[string]func() error{
	"argued":      makeArgued,
	"wrapped":     func() error { return fmt.Errorf("outside: %w", makeArgued()) },
	"frozen":      func() error { return frozen{7} },
	"inner":       func() error { return fmt.Errorf("outside: %w", errInner) },
	"joined":      func() error { return errors.Join(errors.New("one"), fmt.Errorf("two: %w", errInner), frozen{8}) },
	"no message":  func() error { return errors.New("") },
	"zero value":  func() error { return zero(0) },
	"hollow":      func() error { return &hollow{} },
	"typed nil":   func() error { return (*hollow)(nil) },
	"joined none": func() error { return errors.Join(errors.New(""), errors.New("")) },
}

func makeArgued() error {
	_, file, line, _ := runtime.Caller(0)
	return &argued{Code: 123, Args: []string{"a", ""}, line: fmt.Sprintf("%s:%d", file, line)}
}

// fail and noMistake give the process's id.
var (
	fail = codec.NewFunc[string, int]("S.fail", codec.WithErrors(errInner),
		codec.WithErrorType[*argued](), codec.WithErrorType[frozen](), codec.WithErrorType[zero]())
	noMistake = codec.NewFunc[string, string]("S.result")
)

func init() {
	consumer.Handle(fail, func(_ context.Context, how string) (int, error) { return os.Getpid(), failures[how]() })
	consumer.Handle(noMistake, func(_ context.Context, s string) (string, error) { return s, nil })
}

// failing submits a call and returns its failure, which must come.
func failing[A, R any](t testing.TB, c *producer.Client, f codec.Func[A, R], arg A, options ...producer.CallOption) error {
	t.Helper()
	future, err := producer.Submit(soon(t), c, f, arg, options...)
	require.NoError(t, err)
	err = future.Err(soon(t))
	require.Error(t, err)
	require.NoError(t, soon(t).Err(), "the failure came in time")
	require.Equal(t, producer.Finished, future.State())
	return err
}

// remote returns the failure as one that a living worker reported.
func remote(t testing.TB, err error) *codec.RemoteError {
	t.Helper()
	var e *codec.RemoteError
	require.ErrorAs(t, err, &e)
	require.NotErrorIs(t, err, codec.ErrWorkerDied)
	return e
}

func TestErrors(t *testing.T) {
	c := client(t, 1)
	pid := call(t, c, runHarm, "")

	// An error is a failure also if it says nothing, is a zero value, or might be
	// taken for nil.
	t.Run("S2", func(t *testing.T) {
		for how, typ := range map[string]string{
			"no message": "*errors.errorString", "zero value": "conformance.zero", "hollow": "*conformance.hollow",
			"typed nil": "*conformance.hollow", "joined none": "*errors.joinError",
		} {
			e := remote(t, failing(t, c, fail, how))
			require.Equal(t, typ, e.Type, how)
			require.Equal(t, codec.CodeError, e.Code, how)
		}
		none := zero(1)
		require.ErrorAs(t, failing(t, c, fail, "zero value"), &none)
		require.Equal(t, zero(0), none)
	})

	// An error arrives with its type, its arguments and the line where it was
	// made; one that cannot be changed arrives as itself; what it wraps is found.
	t.Run("S4", func(t *testing.T) {
		for _, how := range []string{"argued", "wrapped"} {
			err := failing(t, c, fail, how)
			var e *argued
			require.ErrorAs(t, err, &e)
			require.Equal(t, 123, e.Code)
			require.Equal(t, []string{"a", ""}, e.Args)
			require.ErrorContains(t, err, "argued 123")
			require.Regexp(t, `errors_test\.go:\d+`, remote(t, err).Stack)
			require.Equal(t, pid, remote(t, err).PID)
		}
		require.Equal(t, "*conformance.argued", remote(t, failing(t, c, fail, "argued")).Type)

		panicked := remote(t, failing(t, c, runHarm, "panic"))
		require.Regexp(t, `harm_test\.go:\d+`, panicked.Stack)
		require.Contains(t, panicked.Message, errHarm.Error())

		var ice frozen
		require.ErrorAs(t, failing(t, c, fail, "frozen"), &ice)
		require.Equal(t, frozen{7}, ice)

		require.ErrorIs(t, failing(t, c, fail, "inner"), errInner)
		joined := failing(t, c, fail, "joined")
		require.ErrorIs(t, joined, errInner)
		require.ErrorAs(t, joined, &ice)
		require.Equal(t, frozen{8}, ice)
		require.EqualError(t, joined, "one\ntwo: the cause inside\nfrozen 8")
		require.NotErrorIs(t, failing(t, c, fail, "argued"), errInner)
	})

	// A worker survives a task's failure, and serves the next.
	t.Run("S5", func(t *testing.T) {
		for _, how := range []string{"error", "panic", "goexit"} {
			require.Equal(t, pid, remote(t, failing(t, c, runHarm, how)).PID)
			require.Equal(t, "fine", call(t, c, noMistake, "fine"))
			require.Equal(t, pid, call(t, c, runHarm, ""))
		}
	})

	// 20 results that cannot be encoded are 20 errors that say so, and lose no
	// worker.
	t.Run("S14", func(t *testing.T) {
		for range 20 {
			f, err := producer.Submit(soon(t), c, giveTrap, plan{At: "encode", How: "error"})
			require.NoError(t, err)
			called := make(chan error, 2)
			f.OnDone(func(f *producer.Future[trap]) { called <- f.Err(t.Context()) })
			err = f.Err(soon(t))
			require.ErrorIs(t, err, codec.ErrResult)
			require.ErrorContains(t, err, errHarm.Error())
			require.ErrorContains(t, err, "conformance.trap")
			require.Equal(t, pid, remote(t, err).PID)
			require.ErrorIs(t, await(t, called), codec.ErrResult)
		}
		require.Equal(t, pid, call(t, c, runHarm, ""))
	})
}
