package codec_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/musterfleet/muster/codec"
)

// needy is an error whose methods need it not to be nil, and work then.
type needy struct{ Text string }

func (e *needy) Error() string { return e.Text }
func (e *needy) Unwrap() error { return errors.New(e.Text) }

// hostile is an error whose methods do what its field says, or panic with
// itself, which even fmt does not survive.
type hostile struct{ What string }

func (e hostile) Error() string { panic(e) }
func (e hostile) Unwrap() error { panic(e) }
func (e hostile) Is(error) bool { panic(e) }
func (e hostile) As(any) bool   { panic(e) }

// format panics with itself, and while it is formatted.
type format struct{}

func (e format) Error() string                        { return "format" }
func (e format) Format(fmt.State, rune)               { panic(e) }
func (e format) EncodeMsgpack(*msgpack.Encoder) error { return hostile{} }

// endless wraps itself, or ever new errors, or itself many times over.
type endless struct{ how int }

func (e *endless) Error() string { return "endless" }
func (e *endless) Unwrap() error {
	if e.how == 0 {
		return e
	}
	return &endless{e.how}
}

type bush struct{}

func (bush) Error() string { return "bush" }
func (bush) Unwrap() []error {
	return []error{nil, bush{}, bush{}, bush{}}
}

// uncomparable panics when it is compared, outside or inside.
type uncomparable []string

func (uncomparable) Error() string { return "uncomparable" }

type within struct{ V any }

func (within) Error() string { return "within" }

type undecodable struct{ N int }

func (*undecodable) Error() string                          { return "decodes" }
func (*undecodable) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeInt(1) }
func (*undecodable) DecodeMsgpack(*msgpack.Decoder) error   { panic(hostile{}) }

func TestHostileErrors(t *testing.T) {
	t.Parallel()
	uncomparable1, within1 := uncomparable{"a"}, within{[]string{"a"}}
	f := codec.NewFunc[int, int]("f",
		codec.WithErrors(errZero, uncomparable1, within1, hostile{}),
		codec.WithErrorType[*needy](), codec.WithErrorType[hostile](), codec.WithErrorType[format](),
		codec.WithErrorType[*undecodable](), codec.WithErrorType[uncomparable](), codec.WithErrorType[within](),
	)
	require.NoError(t, f.Check())
	for name, c := range map[string]struct {
		err     error
		message string
	}{
		"nil pointer":        {(*needy)(nil), "nil pointer of type *codec_test.needy, whose Error method panics: runtime error: invalid memory address or nil pointer dereference"},
		"empty message":      {errors.New(""), ""},
		"panics with itself": {hostile{}, "error of type codec_test.hostile, whose Error method panics: codec_test.hostile"},
		"format panics":      {format{}, "format"},
		"wraps itself":       {&endless{}, "endless"},
		"wraps ever more":    {&endless{1}, "endless"},
		"bush":               {bush{}, "bush"},
		"uncomparable":       {uncomparable1, "uncomparable"},
		"within":             {within1, "within"},
		"decoding panics":    {&undecodable{}, "decodes"},
	} {
		seen := crossed(t, f, c.err)
		require.EqualError(t, seen, c.message, name)
		require.NotErrorIs(t, seen, errZero, name)

		seen = crossed(t, f, between{c.err, errZero})
		require.EqualError(t, seen, "between", name)
		switch c.err.(type) {
		case *endless, bush: // errZero is beyond what is looked at
		default:
			require.ErrorIs(t, seen, errZero, name)
		}
		for _, target := range []any{new(*needy), new(*undecodable), new(*endless)} {
			require.False(t, errors.As(seen, target), "%s: %T", name, target)
		}
	}
	seen := crossed(t, f, errors.Join(uncomparable1, &needy{"text"}))
	require.True(t, errors.As(seen, new(uncomparable)))
	got, ok := errors.AsType[*needy](seen)
	require.True(t, ok)
	require.Equal(t, "text", got.Text)
	require.NotErrorIs(t, seen, errZero)
}

// between wraps errors without asking them for their text.
type between []error

func (between) Error() string     { return "between" }
func (b between) Unwrap() []error { return b }
