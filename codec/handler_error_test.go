package codec_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
)

var (
	errZero     = errors.New("cannot divide by zero")
	errOther    = errors.New("other")
	errSameText = errors.New("other")
	errWrapping = fmt.Errorf("wrapping: %w", io.ErrUnexpectedEOF)
)

// rangeError is listed by pointer, frozen by value.
type rangeError struct {
	Limit  int
	Fields map[string]string
	cause  error
}

func (e *rangeError) Error() string { return fmt.Sprintf("beyond %d: %v", e.Limit, e.cause) }

// Unwrap panics where the cause is lost, as it is on the caller's side.
func (e *rangeError) Unwrap() error {
	if e.cause == nil {
		panic("the cause is lost")
	}
	return e.cause
}

type frozen struct{ Code int }

func (e frozen) Error() string { return "frozen" }

// late looks like an error of the context from every side.
type late struct{ After int }

func (e *late) Error() string        { return "late" }
func (e *late) Is(target error) bool { return target == context.DeadlineExceeded || target == errOther }
func (e *late) Unwrap() error        { return context.Canceled }

var divide = codec.NewFunc[int, int]("divide",
	codec.WithErrors(errZero, errOther, errSameText, errWrapping, fs.ErrNotExist),
	codec.WithErrorType[*rangeError](), codec.WithErrorType[frozen](), codec.WithErrorType[*late](),
)

var taskID = codec.ID{Client: client, N: 7}

// crossed returns the error that the caller sees when a handler returns err.
func crossed(t *testing.T, f codec.Func[int, int], err error) error {
	t.Helper()
	failure := failureOf(t, *f.Failure(err))
	require.NotEmpty(t, failure.Type)
	seen := f.Spec().Err(&failure, taskID)
	require.Error(t, seen)
	require.NotErrorIs(t, seen, context.DeadlineExceeded)
	require.NotErrorIs(t, seen, context.Canceled)
	require.NotSame(t, seen, f.Spec().Err(&failure, taskID), "each future has an error of its own")
	return seen
}

func TestSentinelsCross(t *testing.T) {
	t.Parallel()
	listed := []error{errZero, errOther, errSameText, errWrapping, io.ErrUnexpectedEOF, fs.ErrNotExist, codec.ErrPanic}
	for name, c := range map[string]struct {
		err  error
		want []error
	}{
		"itself":        {errZero, []error{errZero}},
		"wrapped":       {fmt.Errorf("a: %w", fmt.Errorf("b: %w", errZero)), []error{errZero}},
		"joined":        {errors.Join(errors.New("x"), errors.Join(errZero, errOther)), []error{errZero, errOther}},
		"several":       {fmt.Errorf("%w and %w", errOther, fs.ErrNotExist), []error{errOther, fs.ErrNotExist}},
		"the same text": {errSameText, []error{errSameText}},
		"by Is":         {&fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}, []error{fs.ErrNotExist}},
		"wrapping":      {errWrapping, []error{errWrapping, io.ErrUnexpectedEOF}},
		"not listed":    {io.EOF, nil},
		"only its text": {errors.New("other"), nil},
	} {
		seen := crossed(t, divide, c.err)
		require.EqualError(t, seen, c.err.Error(), name)
		for _, target := range listed {
			want := false
			for _, w := range c.want {
				want = want || w == target
			}
			require.Equal(t, want, errors.Is(seen, target), "%s: %v", name, target)
		}
		var remote *codec.RemoteError
		require.ErrorAs(t, fmt.Errorf("later: %w", seen), &remote, name)
		require.Equal(t, fmt.Sprintf("%T", c.err), remote.Type, name)
		require.Equal(t, taskID, remote.Task, name)
	}
}

func TestErrorTypesCross(t *testing.T) {
	t.Parallel()
	sent := &rangeError{Limit: 9, Fields: map[string]string{"a": "b"}, cause: errZero}
	seen := crossed(t, divide, fmt.Errorf("wrapped: %w", errors.Join(sent, frozen{5})))
	require.EqualError(t, seen, "wrapped: beyond 9: cannot divide by zero\nfrozen")
	got, ok := errors.AsType[*rangeError](seen)
	require.True(t, ok)
	require.Equal(t, &rangeError{Limit: 9, Fields: map[string]string{"a": "b"}}, got)
	var ice frozen
	require.ErrorAs(t, seen, &ice)
	require.Equal(t, frozen{5}, ice)
	require.ErrorIs(t, seen, frozen{5})
	require.NotErrorIs(t, seen, frozen{6})
	require.ErrorIs(t, seen, errZero, "what a listed error wraps is found too")
	require.NotErrorIs(t, seen, io.EOF, "the value's Unwrap panics here: nothing more is found")
	var path *fs.PathError
	require.False(t, errors.As(seen, &path))

	other := crossed(t, divide, frozen{1})
	require.False(t, errors.As(other, &got))
}

// Nobody must take the handler's context for its own.
func TestContextErrorsStayBehind(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		context.Canceled, context.DeadlineExceeded, fmt.Errorf("upstream: %w", context.DeadlineExceeded),
		errors.Join(errZero, context.Canceled), &late{3},
	} {
		require.EqualError(t, crossed(t, divide, err), err.Error())
	}
	seen := crossed(t, divide, &late{3})
	got, ok := errors.AsType[*late](seen)
	require.True(t, ok)
	require.Equal(t, 3, got.After)
	require.ErrorIs(t, seen, errOther)
}

// A plain func's errors, and those of a client that knows of no list, are text.
func TestErrorsOfAPlainFunc(t *testing.T) {
	t.Parallel()
	plain := codec.NewFunc[int, int]("divide")
	require.Nil(t, plain.Spec())
	require.Equal(t, &codec.Failure{Code: codec.CodeError, Type: "*errors.errorString", Message: "other"}, plain.Failure(errOther))
	require.Nil(t, plain.Failure(nil))
	require.Nil(t, divide.Failure(nil))
	require.NotErrorIs(t, crossed(t, plain, errOther), errOther)
	seen := plain.Spec().Err(divide.Failure(errors.Join(errZero, frozen{5})), taskID)
	require.EqualError(t, seen, "cannot divide by zero\nfrozen")
	require.NotErrorIs(t, seen, errZero)
}

// Lists of different revisions, and values that do not decode, cost nothing
// but themselves.
func TestErrorsOfAnotherRevision(t *testing.T) {
	t.Parallel()
	failure := divide.Failure(errors.Join(errZero, errOther, &rangeError{Limit: 9, cause: io.EOF}, frozen{5}))
	failure.Sentinels = append(failure.Sentinels, "of a later revision", "")
	failure.Values[0].Data = []byte{0xc1}
	failure.Values = append(failure.Values, codec.ErrorValue{Type: "*x.Later", Data: []byte{1}}, codec.ErrorValue{Type: "*codec_test.late", Data: []byte{0xc0}})
	got := failureOf(t, *failure)
	require.Equal(t, *failure, got)
	seen := divide.Spec().Err(&got, taskID)
	require.EqualError(t, seen, failure.Message)
	require.ErrorIs(t, seen, errZero)
	require.ErrorIs(t, seen, frozen{5})
	for _, target := range []any{new(*rangeError), new(*late)} {
		require.False(t, errors.As(seen, target), "%T", target)
	}

	died := divide.Spec().Err(&codec.Failure{Code: codec.CodeWorkerDied, Sentinels: failure.Sentinels}, taskID)
	require.IsType(t, &codec.WorkerDiedError{}, died)
	require.NotErrorIs(t, died, errZero)
}

// detailed is as errors with stacks are.
type detailed struct{}

func (detailed) Error() string { return "brief" }
func (detailed) Format(s fmt.State, verb rune) {
	_, _ = io.WriteString(s, "brief")
	if s.Flag('+') {
		_, _ = io.WriteString(s, "\nmain.go:42")
	}
}

func TestErrorStack(t *testing.T) {
	t.Parallel()
	for _, err := range []error{detailed{}, fmt.Errorf("wrapped: %w", detailed{}), errors.Join(errZero, detailed{})} {
		require.Equal(t, "brief\nmain.go:42", divide.Failure(err).Stack)
	}
	require.Empty(t, divide.Failure(fmt.Errorf("wrapped: %w", errZero)).Stack)
}

// Errors that are too large are left out, or cut; the failure stays small.
func TestErrorsAreBounded(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("x", 1<<20)
	f := codec.NewFunc[int, int]("f", codec.WithErrors(errors.New(huge), errors.New(huge+"y"), errZero), codec.WithErrorType[*rangeError](), codec.WithErrorType[frozen]())
	require.NoError(t, f.Check())
	err := errors.Join(&rangeError{Fields: map[string]string{"a": huge}, cause: errZero}, frozen{5}, errors.New(huge))
	seen := crossed(t, f, err)
	require.ErrorIs(t, seen, errZero)
	require.ErrorIs(t, seen, frozen{5})
	require.False(t, errors.As(seen, new(*rangeError)))

	failure := codec.Failure{Code: codec.CodeError}
	for n := range 1000 {
		failure.Sentinels = append(failure.Sentinels, fmt.Sprint(n, huge[:1000]))
		failure.Values = append(failure.Values, codec.ErrorValue{Type: fmt.Sprint(n), Data: make([]byte, n*100)})
	}
	require.Less(t, len(encodeOutcomes(codec.Outcome{Failure: &failure})), 100<<10)
	got := failureOf(t, failure)
	require.Len(t, got.Sentinels, 64)
	require.Equal(t, failure.Values[:36], got.Values, "64 KiB of them")

	// A stranger may send more.
	body, failed := msgpack.Marshal(map[string]any{"sentinels": make([]string, 100), "values": map[string][]byte{"huge": []byte(huge), "b": {1}}})
	require.NoError(t, failed)
	got = *decodeOutcomes(t, pack(t, 1, 2, client, []any{[]any{7, 0, 1, body}}))[0].Failure
	require.Len(t, got.Sentinels, 64)
	require.Equal(t, []codec.ErrorValue{{Type: "b", Data: []byte{1}}}, got.Values)
}

func TestErrorListsThatCannotBe(t *testing.T) {
	t.Parallel()
	type hidden struct {
		error
		c chan int
	}
	for name, option := range map[string]codec.FuncOption{
		"nil option":        nil,
		"nil error":         codec.WithErrors(errZero, nil),
		"nil pointer":       codec.WithErrors((*needy)(nil)),
		"canceled":          codec.WithErrors(context.Canceled),
		"deadline exceeded": codec.WithErrors(context.DeadlineExceeded),
		"wraps canceled":    codec.WithErrors(fmt.Errorf("x: %w", context.Canceled)),
		"claims to be one":  codec.WithErrors(&late{}),
		"interface":         codec.WithErrorType[error](),
		"other interface": codec.WithErrorType[interface {
			error
			Timeout() bool
		}](),
		"cannot be encoded": codec.WithErrorType[hidden](),
		"no seal":           codec.WithTransform(nil, flip),
		"no open":           codec.WithTransform(flip, nil),
	} {
		f := codec.NewFunc[int, int]("f", codec.WithErrors(errZero), option)
		require.ErrorIs(t, f.Check(), codec.ErrOption, name)
		require.NotErrorIs(t, f.Check(), codec.ErrName, name)
		require.ErrorIs(t, crossed(t, f, errZero), errZero, name)
	}
	_ = hidden{}.c
}

func TestFuncsAreComparable(t *testing.T) {
	t.Parallel()
	copied := divide
	require.True(t, copied == divide)
	first, second := codec.NewFunc[int, int]("f"), codec.NewFunc[int, int]("f")
	require.True(t, first == second)
	require.False(t, divide == codec.NewFunc[int, int]("divide"))
}
